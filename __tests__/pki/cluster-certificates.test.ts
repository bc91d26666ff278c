import { CertificateAuthority } from "../../src/pki/certificate-authority";
import { EtcdCluster } from "../../src/etcd-cluster";
import type { EtcdClusterProps } from "../../src/settings";
import { RUNBOOK } from "../support/settings";
import { synth } from "../support/synth";

const withAuthority = (hours: number, props: Partial<EtcdClusterProps> = {}) =>
  synth((stack) => {
    const authority = new CertificateAuthority(stack, "day", { validityHours: hours });
    new EtcdCluster(stack, "etcd", { ...RUNBOOK, ...props, certificates: { ...props.certificates, authority } });
  });

test("a cluster whose CA is valid for a day cannot have certificates that are valid for ten years", () => {
  expect(() => withAuthority(24)).toThrow(
    "certificates.validityHours: 87600 is more than the 24 hours of the CA, and a certificate ends with its CA; use 24 or less, or a CA with a longer validity",
  );
});

test("a leaf must not be valid longer than the cluster's own CA", () => {
  expect(() =>
    synth((stack) => new EtcdCluster(stack, "etcd", { ...RUNBOOK, certificates: { validityHours: 200_000 } })),
  ).toThrow("certificates.validityHours: 200000 is more than the 175200 hours of the CA");
});

test("the operator's certificate, whose validity cannot be set, is valid as long as a short-lived CA", () => {
  const { resource } = withAuthority(240, {
    certificates: { validityHours: 48, earlyRenewalHours: 8 },
    operatorCredentials: { directory: "credentials" },
  });
  expect(resource.tls_locally_signed_cert.etcd_client_operator_cert).toMatchObject({
    validity_period_hours: 240,
    early_renewal_hours: 80,
  });
});

test("a client certificate that a cluster issues follows the same rules as the cluster's own certificates", () => {
  expect(() =>
    synth((stack) => {
      const cluster = new EtcdCluster(stack, "etcd", RUNBOOK);
      cluster.issueClientCertificate("job", { commonName: "job", validityHours: 168 });
    }),
  ).toThrow('LeafCertificate "etcd/etcd/client/job" has invalid props:\n  - earlyRenewalHours: 720 is not less than');
});

test("the operator's common name is checked together with the cluster's other props", () => {
  expect(() =>
    synth(
      (stack) =>
        new EtcdCluster(stack, "etcd", { ...RUNBOOK, operatorCredentials: { directory: "c", commonName: "" } }),
    ),
  ).toThrow('EtcdCluster "etcd/etcd" has invalid props:\n  - operatorCredentials.commonName: "" is not a common name');
});
