import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Lazy, TerraformVariable } from "cdktf";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { peerCertificates } from "../../src/pki/peer-certificates";
import type { CertificateOptions } from "../../src/pki/certificate-options";
import type { EtcdMemberProps } from "../../src/settings";
import { RUNBOOK, runbookWith } from "../support/settings";
import { synthesize } from "../support/synthesize";
import { temporaryDirectory } from "../support/temporary-directory";
import { providerMirror, Terraform } from "../support/terraform";

/** The certificate requests, by the first part of their logical IDs. */
function requestsWith(options?: CertificateOptions) {
  const { resource } = synthesize((stack) => {
    const { members } = runbookWith({});
    const certificates = peerCertificates(stack, new CertificateAuthority(stack, "ca"), members, options);
    expect(Object.keys(certificates)).toEqual(members.map(({ name }) => name));
  });
  return Object.fromEntries(
    Object.entries(resource.tls_cert_request).map(([id, request]) => [id.replace(/_request_\w+$/, ""), request]),
  );
}

test("by default each member has a certificate with its own SANs only", () => {
  const holder = { subject: [{ common_name: "k8s-etcd" }], private_key_pem: expect.any(String) };
  expect(requestsWith()).toEqual({
    "etcd-server-7-12": { ...holder, dns_names: ["hdss7-12"], ip_addresses: ["10.4.7.12"] },
    "etcd-server-7-21": { ...holder, dns_names: ["hdss7-21"], ip_addresses: ["10.4.7.21"] },
    "etcd-server-7-22": { ...holder, dns_names: ["hdss7-22"], ip_addresses: ["10.4.7.22"] },
  });
});

test("a shared certificate, as in the runbook, has the names and addresses of all members", () => {
  expect(requestsWith({ sharedPeerCertificate: true })).toEqual({
    shared: {
      subject: [{ common_name: "k8s-etcd" }],
      private_key_pem: expect.any(String),
      dns_names: ["hdss7-12", "hdss7-21", "hdss7-22"],
      ip_addresses: ["10.4.7.12", "10.4.7.21", "10.4.7.22"],
    },
  });
});

test("additional names and addresses are in every certificate", () => {
  const requests = requestsWith({ commonName: "etcd", dnsNames: ["etcd.example"], ipAddresses: ["10.4.7.100"] });
  expect(requests["etcd-server-7-21"]).toEqual({
    subject: [{ common_name: "etcd" }],
    private_key_pem: expect.any(String),
    dns_names: ["etcd.example", "hdss7-21"],
    ip_addresses: ["10.4.7.100", "10.4.7.21"],
  });
});

/** The names in the certificate of the runbook's first member, changed. */
function namesOf(change: Partial<EtcdMemberProps>) {
  const { resource } = synthesize((stack) => {
    const { members } = runbookWith({ members: [{ ...RUNBOOK.members[0], ...change }] });
    peerCertificates(stack, new CertificateAuthority(stack, "ca"), members);
  });
  const [{ dns_names, ip_addresses }] = Object.values(resource.tls_cert_request);
  return { dns_names, ip_addresses };
}

test.each<[string, Partial<EtcdMemberProps>, object]>([
  [
    "a DNS name",
    { address: "etcd-1.example.org", listenAddress: "10.4.7.12" },
    { dns_names: ["etcd-1.example.org", "hdss7-12"], ip_addresses: ["10.4.7.12"] },
  ],
  [
    "a DNS name that is the host name, too",
    { address: "hdss7-12", listenAddress: "10.4.7.12" },
    { dns_names: ["hdss7-12"], ip_addresses: ["10.4.7.12"] },
  ],
  [
    "an IP address",
    { address: "10.4.7.12", listenAddress: "10.4.7.12" },
    { dns_names: ["hdss7-12"], ip_addresses: ["10.4.7.12"] },
  ],
])("a member that is reached at %s has these names", (_, change, names) => {
  expect(namesOf(change)).toEqual(names);
});

/** Terraform itself decides what such a token stands for. */
const mirror = providerMirror();
const directory = temporaryDirectory();
(mirror ? test : test.skip)("a token is an address or a name in the certificate, as Terraform finds it", () => {
  const { resource } = synthesize((stack) => {
    const [address, listenAddress] = ["address", "listen"].map(
      (id) => new TerraformVariable(stack, id, {}).stringValue,
    );
    const { members } = runbookWith({ members: [{ name: "a", address, listenAddress }] });
    peerCertificates(stack, new CertificateAuthority(stack, "ca"), members);
  });
  const [{ dns_names, ip_addresses }] = Object.values(resource.tls_cert_request);
  const program = { variable: { address: {}, listen: {} }, output: { names: { value: [dns_names, ip_addresses] } } };
  writeFileSync(join(directory, "main.tf.json"), JSON.stringify(program));
  const terraform = new Terraform(directory, mirror ?? "");
  const found = (address: string, listen: string) => {
    terraform.run(directory, "apply", "-auto-approve", `-var=address=${address}`, `-var=listen=${listen}`);
    return JSON.parse(terraform.run(directory, "output", "-json", "names"));
  };
  terraform.run(directory, "init");
  expect(found("192.0.2.12", "10.4.7.12")).toEqual([[], ["10.4.7.12", "192.0.2.12"]]);
  expect(found("ip-10-4-7-12.internal", "10.4.7.12")).toEqual([["ip-10-4-7-12.internal"], ["10.4.7.12"]]);
});

test("addresses that only Terraform knows are sorted by Terraform, and the text does not depend on how many tokens the program has", () => {
  const requests = (tokens: number) => {
    const { resource } = synthesize((stack) => {
      for (let i = 0; i < tokens; i++) Lazy.stringValue({ produce: () => "another token" });
      const [third, second] = ["third", "second"].map((id) => new TerraformVariable(stack, id, {}).stringValue);
      const { members } = runbookWith({
        members: RUNBOOK.members.map((member, i) => ({ ...member, address: [member.address, second, third][i] })),
      });
      const options = { sharedPeerCertificate: true };
      peerCertificates(stack, new CertificateAuthority(stack, "ca"), members, options);
    });
    return Object.values(resource.tls_cert_request);
  };
  expect(requests(0)).toEqual([
    expect.objectContaining({
      dns_names: ["hdss7-12", "hdss7-21", "hdss7-22"],
      ip_addresses: '${sort(distinct(compact(["10.4.7.12", var.second, var.third])))}',
    }),
  ]);
  // Two tokens in a row have numbers that as texts have another order once in ten.
  for (let tokens = 1; tokens <= 10; tokens++) expect(requests(tokens)).toEqual(requests(0));
});
