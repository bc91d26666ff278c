import { Lazy, TerraformVariable } from "cdktf";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { peerCertificates } from "../../src/pki/peer-certificates";
import type { CertificateOptions } from "../../src/pki/certificate-options";
import { runbookWith } from "../support/settings";
import { synthesize } from "../support/synthesize";

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

test("addresses that only Terraform knows are sorted by Terraform, and the text does not depend on how many tokens the program has", () => {
  const requests = (tokens: number) => {
    const { resource } = synthesize((stack) => {
      for (let i = 0; i < tokens; i++) Lazy.stringValue({ produce: () => "another token" });
      const [third, second] = ["third", "second"].map((id) => new TerraformVariable(stack, id, {}).stringValue);
      const members = runbookWith({}).members.map((member, i) => ({
        ...member,
        address: [member.address, second, third][i],
      }));
      const options = { sharedPeerCertificate: true };
      peerCertificates(stack, new CertificateAuthority(stack, "ca"), members, options);
    });
    return Object.values(resource.tls_cert_request);
  };
  expect(requests(0)).toEqual([
    expect.objectContaining({
      dns_names: ["hdss7-12", "hdss7-21", "hdss7-22"],
      ip_addresses: '${sort(distinct(["10.4.7.12", var.second, var.third]))}',
    }),
  ]);
  // Two tokens in a row have numbers that as texts have another order once in ten.
  for (let tokens = 1; tokens <= 10; tokens++) expect(requests(tokens)).toEqual(requests(0));
});
