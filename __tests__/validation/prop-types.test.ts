import { Fn, Token } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import {
  type BackupCommandOptions,
  type BackupRetention,
  EtcdBackups,
  type EtcdClusterProps,
} from "../../src/settings";
import { typeProblems } from "../../src/validation/prop-types";
import { RUNBOOK } from "../support/settings";
import { emptyStack } from "../support/synth";

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
])("a value of another type is refused: %j", (props, problem) => {
  expect(problems(props)).toEqual([problem]);
});

test("values of the right types, and what is known only at apply, are accepted", () => {
  expect(problems({})).toEqual([]);
  expect(
    problems({
      user: Token.asString({ resolve: () => "etcd" }),
      listenMetricsUrls: Token.asList(Fn.split(",", "a,b")),
      extraFlags: Fn.merge([{ a: "b" }]),
      paths: undefined,
      certificates: { authority: new (class Ours extends CertificateAuthority {})(emptyStack(), "ca") },
    }),
  ).toEqual([]);
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
