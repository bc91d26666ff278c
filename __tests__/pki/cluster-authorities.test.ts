import type { TerraformStack } from "cdktf";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { clusterAuthorities } from "../../src/pki/cluster-authorities";
import type { CertificateOptions } from "../../src/pki/certificate-options";
import { synthesize } from "../support/synthesize";

const imported = (stack: TerraformStack, id: string) =>
  CertificateAuthority.fromPem(stack, id, { certPem: `${id} cert`, privateKeyPem: `${id} key` });

/** The IDs of the CA that signs and of the CAs that are trusted, and how many CAs were created. */
function authoritiesWith(options?: (stack: TerraformStack) => CertificateOptions) {
  let found = {};
  const { resource = {} } = synthesize((stack) => {
    const { signing, trusted } = clusterAuthorities(stack, options?.(stack));
    found = { signing: signing.node.id, trusted: trusted.map(({ node }) => node.id) };
  });
  return { ...found, made: Object.keys(resource.tls_self_signed_cert ?? {}).length };
}

test("by default a cluster creates a CA and trusts only that one", () => {
  expect(authoritiesWith()).toEqual({ signing: "ca", trusted: ["ca"], made: 1 });
  expect(authoritiesWith(() => ({ validityHours: 48 }))).toEqual({ signing: "ca", trusted: ["ca"], made: 1 });
});

test("a cluster that is given a CA creates none", () => {
  expect(authoritiesWith((stack) => ({ authority: imported(stack, "new") }))).toEqual({
    signing: "new",
    trusted: ["new"],
    made: 0,
  });
});

test("the cluster's own CA signs while other CAs are already trusted", () => {
  expect(authoritiesWith((stack) => ({ trustedAuthorities: [imported(stack, "new")] }))).toEqual({
    signing: "ca",
    trusted: ["ca", "new"],
    made: 1,
  });
});

test("the cluster's own CA can stay trusted while another CA signs", () => {
  expect(authoritiesWith((stack) => ({ authority: imported(stack, "new"), trustOwnAuthority: true }))).toEqual({
    signing: "new",
    trusted: ["new", "ca"],
    made: 1,
  });
});

test("the CA that signs comes first, then the cluster's own CA, then the others in the given order", () => {
  expect(
    authoritiesWith((stack) => ({
      authority: imported(stack, "new"),
      trustOwnAuthority: true,
      trustedAuthorities: [imported(stack, "z"), imported(stack, "a")],
    })),
  ).toEqual({ signing: "new", trusted: ["new", "ca", "z", "a"], made: 1 });
});

test("the cluster's own CA is the same resource before and during a change of CA", () => {
  const idsWith = (options: (stack: TerraformStack) => CertificateOptions) =>
    Object.keys(synthesize((stack) => void clusterAuthorities(stack, options(stack))).resource.tls_self_signed_cert);
  const before = idsWith(() => ({}));
  expect(idsWith((stack) => ({ authority: imported(stack, "new"), trustOwnAuthority: true }))).toEqual(before);
});
