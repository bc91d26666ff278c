import { Fn, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { CertificateProfile } from "../../src/pki/certificate-profile";
import { KeyType } from "../../src/pki/key-type";
import { LeafCertificate } from "../../src/pki/leaf-certificate";
import { emptyStack } from "../support/synth";
import { synthesize } from "../support/synthesize";

/** The only resource of this type. */
function only(type: string, build: (stack: TerraformStack) => void) {
  const all = Object.values(synthesize(build).resource[type]);
  expect(all).toHaveLength(1);
  return all[0];
}

const ca = (stack: TerraformStack) => new CertificateAuthority(stack, "ca");

test("a CA is a P-256 key and a certificate that is valid for twenty years and never renewed automatically", () => {
  expect(only("tls_private_key", ca)).toEqual({ algorithm: "ECDSA", ecdsa_curve: "P256" });
  expect(only("tls_self_signed_cert", ca)).toEqual({
    lifecycle: { create_before_destroy: true, ignore_changes: ["private_key_pem"] },
    private_key_pem: expect.stringMatching(/^\$\{tls_private_key\.ca_key_\w+\.private_key_pem\}$/),
    subject: [{ common_name: "etcd-ca" }],
    is_ca_certificate: true,
    allowed_uses: ["cert_signing", "crl_signing"],
    set_subject_key_id: true,
    set_authority_key_id: true,
    validity_period_hours: 175200,
    early_renewal_hours: 0,
  });
});

test("a CA takes the given name, validity and key type", () => {
  const build = (stack: TerraformStack) =>
    new CertificateAuthority(stack, "ca", {
      commonName: "plant-7",
      organization: "Plant",
      validityHours: 8760,
      keyType: KeyType.RSA_4096,
    });
  expect(only("tls_private_key", build)).toEqual({ algorithm: "RSA", rsa_bits: 4096 });
  expect(only("tls_self_signed_cert", build)).toMatchObject({
    subject: [{ common_name: "plant-7", organization: "Plant" }],
    validity_period_hours: 8760,
  });
});

const leaf = (options: object) => (stack: TerraformStack) =>
  void new CertificateAuthority(stack, "ca").issue(stack, "leaf", {
    profile: CertificateProfile.PEER,
    commonName: "k8s-etcd",
    ...options,
  });

test("a leaf is a key, a CSR and a certificate that the CA signs", () => {
  const { resource } = synthesize(leaf({}));
  const [request] = Object.values(resource.tls_cert_request);
  expect(request).toMatchObject({
    private_key_pem: expect.stringMatching(/^\$\{tls_private_key\.leaf_key_\w+\.private_key_pem\}$/),
    subject: [{ common_name: "k8s-etcd" }],
  });
  const [cert] = Object.values(resource.tls_locally_signed_cert);
  expect(cert).toMatchObject({
    cert_request_pem: expect.stringMatching(/^\$\{tls_cert_request\.leaf_request_\w+\.cert_request_pem\}$/),
    ca_cert_pem: expect.stringMatching(/^\$\{tls_self_signed_cert\.ca_cert_\w+\.cert_pem\}$/),
    // This is the key with which the CA's certificate was created, even if the key resource has changed since.
    ca_private_key_pem: expect.stringMatching(/^\$\{tls_self_signed_cert\.ca_cert_\w+\.private_key_pem\}$/),
    validity_period_hours: 87600,
    early_renewal_hours: 720,
    set_subject_key_id: true,
  });
  expect(cert).not.toHaveProperty("is_ca_certificate");
});

test.each([
  [CertificateProfile.SERVER, ["client_auth", "digital_signature", "key_encipherment", "server_auth"]],
  [CertificateProfile.PEER, ["client_auth", "digital_signature", "key_encipherment", "server_auth"]],
  [CertificateProfile.CLIENT, ["client_auth", "digital_signature", "key_encipherment"]],
])("a leaf has the key usages of its profile: %j", (profile, uses) => {
  expect(only("tls_locally_signed_cert", leaf({ profile })).allowed_uses).toEqual(uses);
});

test("SANs are sorted and unique", () => {
  const request = only(
    "tls_cert_request",
    leaf({ dnsNames: ["hdss7-22", "hdss7-12", "hdss7-22"], ipAddresses: ["10.4.7.22", "10.4.7.12", "10.4.7.22"] }),
  );
  expect(request).toMatchObject({
    dns_names: ["hdss7-12", "hdss7-22"],
    ip_addresses: ["10.4.7.12", "10.4.7.22"],
  });
});

test("a leaf without SANs has no SAN lists, because to the provider an empty list would be a different certificate", () => {
  const request = only("tls_cert_request", leaf({ dnsNames: [] }));
  expect(request).not.toHaveProperty("dns_names");
  expect(request).not.toHaveProperty("ip_addresses");
});

test("a leaf takes the given validity, early renewal and key type", () => {
  const options = leaf({ validityHours: 48, earlyRenewalHours: 1, keyType: KeyType.ECDSA_P384 });
  expect(only("tls_locally_signed_cert", options)).toMatchObject({
    validity_period_hours: 48,
    early_renewal_hours: 1,
  });
  expect(Object.values(synthesize(options).resource.tls_private_key)).toContainEqual(
    expect.objectContaining({ ecdsa_curve: "P384" }),
  );
});

test("the digest of a leaf is computed from its certificate and is not a secret", () => {
  const { output } = synthesize((stack) => {
    const certificate = new CertificateAuthority(stack, "ca").issue(stack, "leaf", {
      profile: CertificateProfile.CLIENT,
      commonName: "operator",
    });
    new TerraformOutput(stack, "digest", { value: certificate.certSha256 });
  });
  expect(output?.digest.value).toMatch(/^\$\{sha256\(tls_locally_signed_cert\.leaf_cert_\w+\.cert_pem\)\}$/);
});

test("a leaf ends when it or its CA ends, whichever comes first, and Terraform reads the end of an imported CA from its certificate", () => {
  const { output } = synthesize((stack) => {
    const made = ca(stack);
    const certificate = made.issue(stack, "leaf", { profile: CertificateProfile.CLIENT, commonName: "operator" });
    new TerraformOutput(stack, "leaf_end", { value: certificate.validityEndTime });
    new TerraformOutput(stack, "ca_end", { value: made.validityEndTime });
    const imported = CertificateAuthority.fromPem(stack, "imported", { certPem: "CERT", privateKeyPem: "KEY" });
    new TerraformOutput(stack, "imported_end", { value: imported.validityEndTime });
  });
  const [own, authority] = ["tls_locally_signed_cert.leaf_cert", "tls_self_signed_cert.ca_cert"].map(
    (name) => `${name.replace(".", "\\.")}_\\w+\\.validity_end_time`,
  );
  expect(output?.leaf_end.value).toMatch(
    new RegExp(`^\\$\\{\\(?timecmp\\(${own}, ${authority}\\) == -1\\)? \\? ${own} : ${authority}\\}$`),
  );
  expect(output?.imported_end.value).toMatch(
    /^\$\{data\.tls_certificate\.imported_\w+\.certificates\[0\]\.not_after\}$/,
  );
  expect(output?.ca_end.value).toMatch(/^\$\{tls_self_signed_cert\.ca_cert_\w+\.validity_end_time\}$/);
});

test("an imported CA creates no resources of its own and can sign", () => {
  const { resource } = synthesize((stack) => {
    const imported = CertificateAuthority.fromPem(stack, "ca", { certPem: "CERT", privateKeyPem: "KEY" });
    expect(imported.certPem).toBe("CERT");
    imported.issue(stack, "leaf", { profile: CertificateProfile.CLIENT, commonName: "operator" });
  });
  expect(resource).not.toHaveProperty("tls_self_signed_cert");
  expect(Object.values(resource.tls_locally_signed_cert)).toEqual([
    expect.objectContaining({ ca_cert_pem: "CERT", ca_private_key_pem: "KEY" }),
  ]);
});

const KEY = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n";
const unset = undefined as unknown as string;

test("a CA that is imported without a text, with its key among the certificates, or with a key in the program is refused, and no message has the key", () => {
  const imported = (certPem: string, privateKeyPem: string) => () =>
    CertificateAuthority.fromPem(emptyStack(), "ca", { certPem, privateKeyPem });
  expect(imported(unset, unset)).toThrow(
    'CertificateAuthority "etcd/ca" has invalid props:\n  - certPem: is missing; set it\n  - privateKeyPem: is missing; set it',
  );
  expect(imported(`CERT${KEY}`, KEY)).toThrow(
    /^CertificateAuthority "etcd\/ca" has invalid props:\n {2}- certPem: contains a private key, which every host would get; use the certificate alone\n {2}- privateKeyPem: a literal key would be written into the synthesized JSON; use a sensitive TerraformVariable or a data source$/,
  );
});

test("a leaf certificate without a name, or with its CA's key in the program, is refused", () => {
  const leaf = (commonName: string, caPrivateKeyPem: string) => () =>
    new LeafCertificate(emptyStack(), "leaf", {
      profile: CertificateProfile.CLIENT,
      commonName,
      caCertPem: "CERT",
      caPrivateKeyPem,
    });
  expect(leaf(unset, "KEY")).toThrow("has invalid props:\n  - commonName: is missing; set it");
  expect(leaf("a", KEY)).toThrow(/- caPrivateKeyPem: a literal key would be written into the synthesized JSON;[^\n]*$/);
});

test.each<[title: string, build: (stack: TerraformStack) => unknown, problem: string]>([
  [
    "a leaf with the name of a profile and of a key type, and a text as a list",
    (stack) =>
      ca(stack).issue(stack, "leaf", {
        ...{ profile: "client", commonName: "a", keyType: "RSA", dnsNames: "a.example" },
      } as never),
    'LeafCertificate "etcd/leaf" has invalid props:\n' +
      "  - profile: is a string; use CertificateProfile.CLIENT\n" +
      '  - dnsNames: "a.example" is not a list; put it in brackets\n' +
      "  - keyType: is a string; use KeyType.ECDSA_P256",
  ],
  [
    "a leaf without options",
    (stack) => ca(stack).issue(stack, "leaf", undefined as never),
    'LeafCertificate "etcd/leaf" has invalid props:\n  - props: is missing; set it',
  ],
  [
    "a CA with the name of a key type",
    (stack) => new CertificateAuthority(stack, "ca", { keyType: "RSA" as never }),
    'CertificateAuthority "etcd/ca" has invalid props:\n  - keyType: is a string; use KeyType.ECDSA_P256',
  ],
  [
    "an imported CA without its certificate and its key, which would be a new CA",
    (stack) => CertificateAuthority.fromPem(stack, "ca", undefined as never),
    'CertificateAuthority "etcd/ca" has invalid props:\n  - props: is missing; set it',
  ],
  [
    "an imported CA with a Buffer",
    (stack) =>
      CertificateAuthority.fromPem(stack, "ca", { certPem: Buffer.from("CERT"), privateKeyPem: "KEY" } as never),
    "  - certPem: an object of Buffer is not a text; put it in quotes",
  ],
  [
    "an imported cluster without its CA",
    (stack) => EtcdCluster.fromAttributes(stack, "etcd", { endpoints: "https://etcd.example:2379" } as never),
    'EtcdCluster "etcd/etcd" has invalid props:\n  - caBundlePem: is missing; set it',
  ],
])("a value of another type is refused: %s", (_, build, problem) => {
  expect(() => build(emptyStack())).toThrow(problem);
});

test("what a TerraformVariable has as its value is accepted, and so is a list of names that is known only at apply", () => {
  const { resource } = synthesize((stack) => {
    const value = (id: string) => new TerraformVariable(stack, id, {}).value as never;
    const imported = CertificateAuthority.fromPem(stack, "ca", { certPem: value("cert"), privateKeyPem: value("key") });
    imported.issue(stack, "leaf", {
      profile: CertificateProfile.CLIENT,
      commonName: value("name"),
      dnsNames: Fn.split(",", "a,b"),
    });
  });
  expect(Object.values(resource.tls_cert_request)).toEqual([
    expect.objectContaining({
      subject: [{ common_name: "${var.name}" }],
      dns_names: '${sort(distinct(compact(split(",", "a,b"))))}',
    }),
  ]);
});

const NOT_LESS =
  /earlyRenewalHours: 720 is not less than validityHours \(168\), so every apply would renew the certificate; use less$/;

test.each<[title: string, options: object, problem: RegExp]>([
  ["an early renewal longer than the validity", { validityHours: 168 }, NOT_LESS],
  ["an empty common name", { commonName: "" }, /commonName: "" is not a common name; use 1 to 64 characters$/],
  ["a common name of 65 characters", { commonName: "a".repeat(65) }, /is not a common name/],
  ["an empty organization", { organization: "" }, /organization: "" is not an organization/],
  [
    "a validity longer than the CA's",
    { validityHours: 175201 },
    /validityHours: 175201 is more than the 175200 hours of the CA/,
  ],
  ["a validity of a thousand years", { validityHours: 8760000 }, /is more than a hundred years/],
  ["an invalid DNS name", { dnsNames: ["a_b"] }, /dnsNames\[0\]: "a_b" is not a DNS name/],
  [
    "an invalid IP address",
    { ipAddresses: ["10.4.7.1:2379"] },
    /ipAddresses\[0\]: "10.4.7.1:2379" is not an IP address/,
  ],
])("a leaf with invalid options is refused: %s", (_, options, problem) => {
  expect(() => synthesize(leaf(options))).toThrow(problem);
  expect(() => synthesize(leaf(options))).toThrow(/^LeafCertificate "stack\/leaf" has invalid props:\n {2}- /);
});

test.each<[title: string, props: object, problem: RegExp]>([
  ["no validity", { validityHours: 0 }, /validityHours: 0 is not a number of hours/],
  ["an empty common name", { commonName: "" }, /is not a common name/],
  ["an organization of 65 characters", { organization: "o".repeat(65) }, /is not an organization/],
])("a CA with invalid props is refused: %s", (_, props, problem) => {
  expect(() => synthesize((stack) => void new CertificateAuthority(stack, "ca", props))).toThrow(problem);
});

test("a CA that is valid for a day issues no certificate that is valid for ten years", () => {
  const issue = (options: object) =>
    synthesize((stack) => {
      const authority = new CertificateAuthority(stack, "ca", { validityHours: 24 });
      authority.issue(stack, "leaf", { profile: CertificateProfile.CLIENT, commonName: "job", ...options });
    });
  expect(() => issue({})).toThrow(/validityHours: 87600 is more than the 24 hours of the CA/);
  expect(() => issue({ validityHours: 24, earlyRenewalHours: 8 })).not.toThrow();
});
