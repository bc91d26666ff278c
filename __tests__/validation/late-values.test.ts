import { Fn, TerraformVariable } from "cdktf";
import { AutoCompaction, CertificateAuthority, EtcdBackups, EtcdCluster, EtcdRelease, SshKey } from "../../src";
import { RUNBOOK } from "../support/settings";
import { find, synth, synthCluster } from "../support/synth";

const PREFLIGHT = "null_resource.etcd_member_a_preflight";

test("Terraform checks each text that is known only at apply, before it becomes part of a script", () => {
  const json = synth((stack) => {
    const text = (id: string) => new TerraformVariable(stack, id, { type: "string" }).stringValue;
    new EtcdCluster(stack, "etcd", {
      ...RUNBOOK,
      members: [
        { name: "a", address: text("address"), ssh: { key: SshKey.pem(text("key")), hostKey: text("host_key") } },
      ],
      release: EtcdRelease.mirror(`https://${text("mirror")}`),
      autoCompaction: AutoCompaction.periodic(text("hours")),
      extraFlags: { "log-level": text("level") },
    });
  });
  const condition = (value: string) => `\${(!can(regex("['[:cntrl:]]", ${value})) && (path.module != "?"))}`;
  const message = (path: string) => `${path}: the value has a single quote or a control character; use one without`;
  expect(find(json, PREFLIGHT).lifecycle).toEqual({
    precondition: [
      { condition: condition("var.address"), error_message: message("members[0].address") },
      { condition: condition("var.mirror"), error_message: message("release") },
      { condition: condition("var.hours"), error_message: message("autoCompaction") },
      { condition: condition("var.level"), error_message: message("extraFlags.log-level") },
    ],
  });
});

test("so it does in the options of releases and backups, and where a text may stand for a number", () => {
  const json = synth((stack) => {
    const variable = (id: string) => new TerraformVariable(stack, id, {});
    new EtcdCluster(stack, "etcd", {
      ...RUNBOOK,
      members: [{ name: "a", address: "10.0.0.1", reprovision: variable("reprovision").numberValue }],
      release: EtcdRelease.github({
        sha256: variable("amd64").stringValue,
        sha256Arm64: variable("arm64").stringValue,
      }),
      backups: EtcdBackups.onHosts({
        directory: variable("directory").stringValue,
        textfileDirectory: variable("metrics").stringValue,
        maxBytes: variable("bytes").numberValue,
      }),
      ports: { client: variable("port").numberValue },
    });
  });
  const { precondition } = find(json, PREFLIGHT).lifecycle as { precondition: { condition: string }[] };
  expect(precondition.map(({ condition }) => /var\.\w+/.exec(condition)?.[0])).toEqual([
    "var.reprovision",
    "var.directory",
    "var.metrics",
    "var.bytes",
    "var.port",
    "var.amd64",
    "var.arm64",
  ]);
});

test("Terraform checks that the certificate of an imported CA has no key beside it, before a host gets it", () => {
  const json = synth((stack) => {
    const text = (id: string) => new TerraformVariable(stack, id, { type: "string" }).stringValue;
    const imported = (id: string, certPem = text(`${id}_cert`)) =>
      CertificateAuthority.fromPem(stack, id, { certPem, privateKeyPem: text(`${id}_key`) });
    new EtcdCluster(stack, "etcd", {
      ...RUNBOOK,
      members: [{ name: "a", address: "10.0.0.1" }],
      certificates: {
        authority: imported("new"),
        trustedAuthorities: [
          imported("old"),
          new CertificateAuthority(stack, "made"),
          imported("file", Fn.file("ca.pem")),
        ],
      },
    });
  });
  const condition = (path: string, value: string) => ({
    condition: `\${(!can(regex("PRIVATE KEY", ${value})) && (path.module != "?"))}`,
    error_message: `${path}: the CA's certificate has a private key beside it, which every host would get; use the certificate alone`,
  });
  expect(find(json, PREFLIGHT).lifecycle).toEqual({
    precondition: [
      condition("certificates.authority", "var.new_cert"),
      condition("certificates.trustedAuthorities[0]", "var.old_cert"),
      condition("certificates.trustedAuthorities[2]", 'file("ca.pem")'),
    ],
  });
});

test("a program whose texts are all known at synth has no such conditions", () => {
  expect(find(synthCluster({ members: [{ name: "a", address: "10.0.0.1" }] }), PREFLIGHT).lifecycle).toBeUndefined();
});
