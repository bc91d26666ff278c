import type { TerraformStack } from "cdktf";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { clusterAuthorities } from "../../src/pki/cluster-authorities";
import type { CertificateOptions } from "../../src/pki/certificate-options";
import { synthesize } from "../support/synthesize";

const imported = (stack: TerraformStack, id: string) =>
  CertificateAuthority.fromPem(stack, id, { certPem: `${id} cert`, privateKeyPem: `${id} key` });

/** Paths of the CAs that sign and that are trusted, and how many CAs were made. */
function authoritiesWith(options?: (stack: TerraformStack) => CertificateOptions) {
  let found = {};
  const { resource = {} } = synthesize((stack) => {
    const { signing, trusted } = clusterAuthorities(stack, options?.(stack));
    found = { signing: signing.node.id, trusted: trusted.map(({ node }) => node.id) };
  });
  return { ...found, made: Object.keys(resource.tls_self_signed_cert ?? {}).length };
}

test("without a word, a cluster makes a CA and trusts it alone", () => {
  expect(authoritiesWith()).toEqual({ signing: "ca", trusted: ["ca"], made: 1 });
  expect(authoritiesWith(() => ({ validityHours: 48 }))).toEqual({ signing: "ca", trusted: ["ca"], made: 1 });
});

test("with another CA it makes none", () => {
  expect(authoritiesWith((stack) => ({ authority: imported(stack, "new") }))).toEqual({
    signing: "new",
    trusted: ["new"],
    made: 0,
  });
});

test("its own CA signs while others are trusted already", () => {
  expect(authoritiesWith((stack) => ({ trustedAuthorities: [imported(stack, "new")] }))).toEqual({
    signing: "ca",
    trusted: ["ca", "new"],
    made: 1,
  });
});

test("its own CA can be kept, and trusted, while another signs", () => {
  expect(authoritiesWith((stack) => ({ authority: imported(stack, "new"), trustOwnAuthority: true }))).toEqual({
    signing: "new",
    trusted: ["new", "ca"],
    made: 1,
  });
});

test("the one that signs comes first, its own next, the others as they are given", () => {
  expect(
    authoritiesWith((stack) => ({
      authority: imported(stack, "new"),
      trustOwnAuthority: true,
      trustedAuthorities: [imported(stack, "z"), imported(stack, "a")],
    })),
  ).toEqual({ signing: "new", trusted: ["new", "ca", "z", "a"], made: 1 });
});

test("its own CA is the same resource before and in the middle of a change", () => {
  const idsWith = (options: (stack: TerraformStack) => CertificateOptions) =>
    Object.keys(synthesize((stack) => void clusterAuthorities(stack, options(stack))).resource.tls_self_signed_cert);
  const before = idsWith(() => ({}));
  expect(idsWith((stack) => ({ authority: imported(stack, "new"), trustOwnAuthority: true }))).toEqual(before);
});
