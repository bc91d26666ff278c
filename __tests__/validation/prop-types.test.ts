import { Fn, TerraformVariable, Token } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import {
  type BackupCommandOptions,
  type BackupRetention,
  EtcdBackups,
  type EtcdClusterProps,
  EtcdDefragmentation,
  EtcdRestore,
  SshKey,
} from "../../src/settings";
import { EtcdRelease } from "../../src/release/etcd-release";
import { typeProblems } from "../../src/validation/prop-types";
import { RUNBOOK } from "../support/settings";
import { emptyStack, find, synth } from "../support/synth";

/** A program in JavaScript may contain anything. */
const problems = (props: { [prop: string]: unknown }) =>
  typeProblems({ ...RUNBOOK, ...props } as unknown as EtcdClusterProps);

test.each<[props: { [prop: string]: unknown }, problem: string]>([
  [{ user: 0 }, "user: 0 is not a text; put it in quotes"],
  [{ version: 3.6 }, "version: 3.6 is not a text; put it in quotes"],
  [{ paths: { dataDir: NaN } }, "paths.dataDir: NaN is not a text; put it in quotes"],
  [{ paths: "/data" }, 'paths: "/data" is not an object; use { … }'],
  [{ members: "a" }, 'members: "a" is not a list; put it in brackets'],
  [{ members: [{ name: 7, address: "10.4.7.12" }] }, "members[0].name: 7 is not a text; put it in quotes"],
  [{ members: [null] }, "members[0]: is missing; set it"],
  [{ members: [undefined] }, "members[0]: is missing; set it"],
  [{ listenMetricsUrls: [undefined] }, "listenMetricsUrls[0]: is missing; set it"],
  [{ certificates: { dnsNames: ["a", undefined] } }, "certificates.dnsNames[1]: is missing; set it"],
  [{ certificates: { trustedAuthorities: [null] } }, "certificates.trustedAuthorities[0]: is missing; set it"],
  [{ ssh: null }, "ssh: is missing; set it"],
  [{ members: undefined }, "members: is missing; set it"],
  [{ members: [{ name: "a", address: undefined }] }, "members[0].address: is missing; set it"],
  [{ members: [{ address: "10.4.7.12" }] }, "members[0].name: is missing; set it"],
  [{ operatorCredentials: {} }, "operatorCredentials.directory: is missing; set it"],
  [{ user: null }, "user: null is not a value; leave it out"],
  [{ ssh: { key: "~/.ssh/id_ed25519" } }, "ssh.key: is a string; use SshKey.file(…)"],
  [{ ssh: { key: { file: "~/.ssh/id_ed25519" } } }, "ssh.key: is an object of another kind; use SshKey.file(…)"],
  [{ ssh: { key: Token.asString({ resolve: () => "PEM" }) } }, "ssh.key: is a string; use SshKey.file(…)"],
  [
    { autoCompaction: { retention: "1h" } },
    "autoCompaction: is an object of another kind; use AutoCompaction.periodic(…)",
  ],
  [
    { backups: EtcdBackups.onHosts({ keep: { daily: 7 } as unknown as BackupRetention }) },
    "backups.keep: is an object of another kind; use BackupRetention.last(…)",
  ],
  [
    { backups: EtcdBackups.onHosts({ every: 3600 as unknown as string }) },
    "backups.every: 3600 is not a text; put it in quotes",
  ],
  [
    { backups: EtcdBackups.onHosts({ afterEach: {} as BackupCommandOptions }) },
    "backups.afterEach.command: is missing; set it",
  ],
  [{ backups: true }, "backups: is a boolean; use EtcdBackups.onHosts(…)"],
  [
    { listenMetricsUrls: "http://127.0.0.1:2381" },
    'listenMetricsUrls: "http://127.0.0.1:2381" is not a list; put it in brackets',
  ],
  [
    { certificates: { dnsNames: "etcd.example.org" } },
    'certificates.dnsNames: "etcd.example.org" is not a list; put it in brackets',
  ],
  [{ extraFlags: ["pre-vote"] }, 'extraFlags: ["pre-vote"] is not an object; use { … }'],
  [{ extraFlags: new Map([["pre-vote", "true"]]) }, "extraFlags: an object of Map is not an object; use { … }"],
  [{ ports: new Map([["peer", 12380]]) }, "ports: an object of Map has none of the fields peer, client; use { … }"],
  [{ ports: { Peer: 12380 } }, 'ports: {"Peer":12380} has none of the fields peer, client; use { … }'],
  [{ dependsOn: emptyStack() }, "dependsOn: an object of TerraformStack is not a list; put it in brackets"],
  [{ user: emptyStack() }, "user: an object of TerraformStack is not a text; put it in quotes"],
  [{ user: 8n }, "user: 8 is not a text; put it in quotes"],
  [{ user: () => "etcd" }, "user: a function is not a text; put it in quotes"],
  [
    { user: `etcd${Token.asNumber({ resolve: () => 1 })}` },
    "user: has a number in it that only Terraform knows; use Token.asString(…) of that number",
  ],
  [
    { user: Token.asList({ resolve: () => ["etcd"] })[0] },
    "user: is a list that only Terraform knows; use Fn.element(list, 0) for its first item",
  ],
  [
    { restore: EtcdRestore.fromMember("a", { replacesCluster: 12 as unknown as string }) },
    "restore.replacesCluster: 12 is not a text; put it in quotes",
  ],
  [
    { defragmentation: EtcdDefragmentation.onHosts(null as never) },
    "defragmentation: null is not a value; leave it out",
  ],
])("a value of another type is refused: %p", (props, problem) => {
  expect(problems(props)).toEqual([problem]);
});

test("values of the right types, and texts that are known only at apply, are accepted", () => {
  expect(problems({})).toEqual([]);
  expect(
    problems({
      user: Token.asString({ resolve: () => "etcd" }),
      removalPolicy: Fn.lower("RETAIN"),
      paths: undefined,
      certificates: { authority: new (class Ours extends CertificateAuthority {})(emptyStack(), "ca") },
    }),
  ).toEqual([]);
});

test("a list or an object that is known only at apply is refused: its parts would be taken for missing", () => {
  const stack = emptyStack();
  const list = new TerraformVariable(stack, "list", { type: "list(string)" }).listValue;
  const value = new TerraformVariable(stack, "object", { type: "any" }).value as never;
  const line = (prop: string) => [
    `${prop}: is known to Terraform only at apply, but must be known at synth; set it in the program, e.g. from a file or the environment`,
  ];
  expect(problems({ listenMetricsUrls: list })).toEqual(line("listenMetricsUrls"));
  expect(problems({ certificates: { dnsNames: list } })).toEqual(line("certificates.dnsNames"));
  expect(problems({ certificates: { ipAddresses: ["10.4.7.100", ...list] } })).toEqual(
    line("certificates.ipAddresses"),
  );
  expect(problems({ extraFlags: Token.asStringMap(value) })).toEqual(line("extraFlags"));
  for (const prop of ["members", "ssh", "certificates", "paths", "ports", "operatorCredentials", "dependsOn"]) {
    expect(problems({ [prop]: value })).toEqual(line(prop));
  }
  expect(problems({ members: [{ name: "a", address: "10.4.7.12", ssh: value }] })).toEqual(line("members[0].ssh"));
});

test("an expression of Terraform in the place of a text is that text, and one in the place of a number is checked, too", () => {
  const json = synth((stack) => {
    const value = (id: string) => new TerraformVariable(stack, id, {}).value as never;
    new EtcdCluster(stack, "etcd", {
      members: [{ name: "a", address: value("address"), machine: value("machine"), ssh: { user: value("login") } }],
      ssh: { key: SshKey.pem(value("key")), port: value("port") },
      release: EtcdRelease.mirror(value("mirror"), { sha256: value("digest") }),
      certificates: { commonName: value("name") },
      extraFlags: { "log-level": value("level") },
      quotaBackendBytes: value("quota"),
      backups: EtcdBackups.onHosts({ directory: value("directory") }),
      operatorCredentials: { directory: value("credentials") },
    });
  });
  const { provisioner, lifecycle } = find(json, "null_resource.etcd_member_a_preflight");
  expect(provisioner?.[0]["remote-exec"]?.connection).toMatchObject({
    host: "${var.address}",
    user: "${var.login}",
    port: "${var.port}",
    private_key: "${var.key}",
  });
  const { precondition } = lifecycle as { precondition: { condition: string }[] };
  expect(precondition.map(({ condition }) => /var\.(\w+)/.exec(condition)?.[1]).sort()).toEqual([
    "address",
    "address",
    "credentials",
    "digest",
    "directory",
    "level",
    "name",
    "quota",
  ]);
});

test("props may be objects of classes, with getters; what is known only at apply is checked in them, too", () => {
  class Ssh {
    get user() {
      return "deploy";
    }
  }
  const json = synth((stack) => {
    const variable = new TerraformVariable(stack, "address", {});
    class Host {
      constructor(public readonly name: string) {}
      get address() {
        return variable.stringValue;
      }
    }
    new EtcdCluster(stack, "etcd", { members: [new Host("a")], ssh: new Ssh() });
  });
  const { provisioner, lifecycle } = find(json, "null_resource.etcd_member_a_preflight");
  expect(provisioner?.[0]["remote-exec"]?.connection).toMatchObject({ user: "deploy" });
  expect(JSON.stringify(lifecycle)).toContain("var.address");
});

test("a cluster lists all of them, and does not fail in another way", () => {
  const props = { ...RUNBOOK, user: 0, certificates: { authority: "PEM", dnsNames: "x" }, backups: "daily" };
  expect(() => new EtcdCluster(emptyStack(), "etcd", props as unknown as EtcdClusterProps)).toThrow(
    " has invalid props:\n" +
      "  - user: 0 is not a text; put it in quotes\n" +
      "  - certificates.authority: is a string; use CertificateAuthority.fromPem(…)\n" +
      '  - certificates.dnsNames: "x" is not a list; put it in brackets\n' +
      "  - backups: is a string; use EtcdBackups.onHosts(…)",
  );
});
