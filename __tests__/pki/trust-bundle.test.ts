import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LocalBackend, TerraformOutput, type TerraformStack } from "cdktf";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { clusterAuthorities } from "../../src/pki/cluster-authorities";
import { trustBundle, trustBundleSha256 } from "../../src/pki/trust-bundle";
import type { CertificateOptions } from "../../src/pki/certificate-options";
import { synthesize } from "../support/synthesize";
import { temporaryDirectory } from "../support/temporary-directory";
import { providerMirror, Terraform } from "../support/terraform";
import { makePki } from "../support/test-pki";

const imported = (stack: TerraformStack, id: string, certPem: string) =>
  CertificateAuthority.fromPem(stack, id, { certPem, privateKeyPem: "KEY" });

/** The outputs `bundle` and `digest` for the CAs that `authorities` creates. */
function outputs(authorities: (stack: TerraformStack) => CertificateAuthority[]) {
  const { output } = synthesize((stack) => addOutputs(stack, authorities(stack)));
  return { bundle: output?.bundle.value, digest: output?.digest.value };
}

function addOutputs(stack: TerraformStack, authorities: CertificateAuthority[]): void {
  new TerraformOutput(stack, "bundle", { value: trustBundle(authorities) });
  new TerraformOutput(stack, "digest", { value: trustBundleSha256(authorities) });
}

describe("the expression that Terraform gets", () => {
  test("is the unchanged certificate of a single CA, and its digest is that certificate's", () => {
    const one = (stack: TerraformStack) => [new CertificateAuthority(stack, "ca")];
    const { bundle, digest } = outputs(one);
    expect(bundle).toMatch(/^\$\{tls_self_signed_cert\.ca_cert_\w+\.cert_pem\}$/);
    expect(digest).toMatch(/^\$\{sha256\(tls_self_signed_cert\.ca_cert_\w+\.cert_pem\)\}$/);

    const { output } = synthesize((stack) => {
      const [authority] = one(stack);
      new TerraformOutput(stack, "digest", { value: authority.certSha256 });
    });
    expect(digest).toBe(output?.digest.value);
  });

  test("makes Terraform sort several certificates, because only Terraform knows their texts", () => {
    const { bundle, digest } = outputs((stack) => [
      new CertificateAuthority(stack, "ca"),
      new CertificateAuthority(stack, "new"),
    ]);
    const [own, other] = ["ca", "new"].map((id) => `trimspace\\(tls_self_signed_cert\\.${id}_cert_\\w+\\.cert_pem\\)`);
    expect(bundle).toMatch(new RegExp(`sort\\(\\[${own}, ${other}\\]\\)`));
    expect(digest).toBe(`\${sha256(${String(bundle).slice(2, -1)})}`);
  });
});

const mirror = providerMirror();
(mirror ? describe : describe.skip)("the bundle that Terraform computes", () => {
  const { ca, otherCa } = makePki();
  const directory = temporaryDirectory();
  const terraform = new Terraform(join(directory, "home"), mirror ?? "");
  let states = 0;

  interface Applied {
    readonly bundle: string;
    readonly digest: string;
    readonly signing?: string;
  }

  /** Applies a stack to the named state, or to a new state if none is named. */
  function apply(build: (stack: TerraformStack) => void, state = `state-${states++}`): Applied {
    const at = join(directory, state);
    const json = synthesize((stack) => {
      new LocalBackend(stack, { path: "terraform.tfstate" });
      build(stack);
    });
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "cdk.tf.json"), JSON.stringify(json));
    terraform.run(at, "init", "-input=false");
    terraform.run(at, "apply", "-auto-approve", "-input=false");
    const values: { [name: string]: { value: string } } = JSON.parse(terraform.run(at, "output", "-json"));
    return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value])) as unknown as Applied;
  }

  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const certificates = (bundle: string) => bundle.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g) ?? [];

  test("keeps the text of a single certificate, with or without a final line break", () => {
    for (const text of [ca, ca.trimEnd()]) {
      const { bundle, digest } = apply((stack) => addOutputs(stack, [imported(stack, "ca", text)]));
      expect(bundle).toBe(text);
      expect(digest).toBe(sha256(text));
    }
  }, 60_000);

  test("has several certificates in a fixed order, each with one final line break, whichever CA signs and however they were written", () => {
    const [first, second] = [ca, otherCa].map((pem) => pem.trim()).sort();
    const expected = `${first}\n${second}\n`;
    for (const [a, b] of [
      [ca, otherCa],
      [otherCa.trimEnd(), `\n${ca}\n\n`],
    ]) {
      const { bundle, digest } = apply((stack) =>
        addOutputs(stack, [imported(stack, "a", a), imported(stack, "b", b)]),
      );
      expect(bundle).toBe(expected);
      expect(digest).toBe(sha256(expected));
    }
  }, 60_000);

  test("changes twice during a change of CA, and the leaves change in between", () => {
    const pass = (options: (replacement: CertificateAuthority) => CertificateOptions) =>
      apply((stack) => {
        const replacement = new CertificateAuthority(stack, "new");
        const { signing, trusted } = clusterAuthorities(stack, options(replacement));
        addOutputs(stack, trusted);
        new TerraformOutput(stack, "signing", { value: signing.certPem });
      }, "change");

    const before = pass(() => ({}));
    const both = pass((replacement) => ({ trustedAuthorities: [replacement] }));
    const signed = pass((replacement) => ({ authority: replacement, trustOwnAuthority: true }));
    const after = pass((replacement) => ({ authority: replacement }));

    expect(before.bundle).toBe(before.signing);
    expect(both.signing).toBe(before.signing);
    expect(certificates(both.bundle).sort()).toEqual([before.signing, signed.signing].sort());
    expect(signed.signing).not.toBe(before.signing);
    expect(signed.bundle).toBe(both.bundle);
    expect(signed.digest).toBe(both.digest);
    expect(after.bundle).toBe(signed.signing);
    for (const pem of certificates(both.bundle)) expect(new X509Certificate(pem).ca).toBe(true);
  }, 120_000);
});
