import { Fn, type TerraformCondition, TerraformVariable } from "cdktf";
import {
  AutoCompaction,
  CertificateAuthority,
  EtcdBackups,
  EtcdCluster,
  EtcdRelease,
  type RemovalPolicy,
  SshKey,
} from "../../src";
import { RUNBOOK } from "../support/settings";
import { find, synth, synthCluster } from "../support/synth";

const PREFLIGHT = "null_resource.etcd_member_a_preflight";

test("Terraform checks each text that is known only at apply, before it becomes part of a script", () => {
  const json = synth((stack) => {
    const text = (id: string) => new TerraformVariable(stack, id, { type: "string" }).stringValue;
    new EtcdCluster(stack, "etcd", {
      ...RUNBOOK,
      members: [
        {
          name: "a",
          address: "10.0.0.1",
          hostName: text("name"),
          ssh: { key: SshKey.pem(text("key")), hostKey: text("host_key") },
        },
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
      { condition: condition("var.name"), error_message: message("members[0].hostName") },
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

describe("a text that is known only at apply must have the format of a literal where another one does harm on a host", () => {
  const json = synth((stack) => {
    const text = (id: string) => new TerraformVariable(stack, id, {}).stringValue;
    new EtcdCluster(stack, "etcd", {
      ...RUNBOOK,
      members: [
        { name: "a", address: text("address"), listenAddress: text("listen"), ssh: { scriptPath: text("script") } },
      ],
      ports: { client: new TerraformVariable(stack, "port", {}).numberValue },
      paths: { dataDir: `/data/${text("data")}`, supervisorProgramFile: text("file") },
      user: text("user"),
      removalPolicy: text("policy") as RemovalPolicy,
    });
  });
  const { precondition } = find(json, PREFLIGHT).lifecycle as { precondition: TerraformCondition[] };

  test("Terraform checks each of them once, as a whole", () => {
    expect(precondition).toHaveLength(9);
    expect(precondition).toContainEqual({
      condition: '${(can(regex("^(retain|destroy)$", var.policy)) && (path.module != "?"))}',
      error_message: 'removalPolicy: the value is not a removal policy; use "retain" or "destroy"',
    });
    expect(JSON.stringify(precondition)).toContain('join(\\"\\", [\\"/data/\\", var.data])');
  });

  test.each([
    ["removalPolicy", ["retain", "destroy"], ["DESTROY", ""]],
    ["user", ["etcd", "_etcd-2"], ["root:root", "Etcd", ""]],
    ["paths.dataDir", ["/data/etcd", "/data/.etcd"], ["/", "/data/", "/data/../etc", "/data//x", "/data/a b", "data"]],
    ["paths.supervisorProgramFile", ["etcd-server"], ["../x", "etcd.ini"]],
    [
      "members[0].address",
      ["10.4.7.12", "etcd-1.example.org"],
      ["", "fd00::12", "10.4.7.12/24", " 10.4.7.12", "[fd00::12]"],
    ],
    ["members[0].listenAddress", ["10.4.7.12"], ["", "fd00::12", "10.4.7", "etcd-1.example.org", "10.4.7.12/24"]],
    ["ports.client", ["2379"], ["", "http", "2379.5", "-1", "2379/tcp"]],
    ["members[0].ssh.scriptPath", ["/root/x_%RAND%.sh", "./.ssh/x.sh"], ["/root/x;reboot", "x.sh"]],
  ])("%s", (path, good, bad) => {
    const { condition } = (precondition as unknown as { condition: string; error_message: string }[]).filter(
      ({ error_message }) => error_message.startsWith(`${path}: `),
    )[0];
    const [, pattern] = /regex\("([^"]+)"/.exec(condition) ?? [];
    for (const text of good) expect(text).toMatch(new RegExp(pattern));
    for (const text of bad) expect(text).not.toMatch(new RegExp(pattern));
  });
});

test("Terraform checks that no two members have the same address, if it alone knows one of them", () => {
  const conditions = (listenAddress?: string) => {
    const json = synth((stack) => {
      const address = new TerraformVariable(stack, "address", {}).stringValue;
      const members = [
        { name: "a", address, listenAddress },
        { name: "b", address: "10.0.0.2" },
      ];
      new EtcdCluster(stack, "etcd", { ...RUNBOOK, members });
    });
    return (find(json, PREFLIGHT).lifecycle as { precondition: TerraformCondition[] }).precondition;
  };
  expect(conditions()).toContainEqual({
    condition: '${((length(distinct([var.address, "10.0.0.2"])) == 2) && (path.module != "?"))}',
    error_message: "members: two of them have the same address; use another address for one of them",
  });
  expect(conditions("10.0.0.1")).toHaveLength(1);
});

test("a program whose texts are all known at synth has no such conditions", () => {
  expect(find(synthCluster({ members: [{ name: "a", address: "10.0.0.1" }] }), PREFLIGHT).lifecycle).toBeUndefined();
});
