import { Fn, Token } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import type { EtcdClusterProps } from "../../src/settings";
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
  [{ members: [null] }, "members[0]: null is not a value; leave it out"],
  [{ ssh: null }, "ssh: null is not a value; leave it out"],
  [{ ssh: { key: "~/.ssh/id_ed25519" } }, "ssh.key: is a string; use SshKey.file(…)"],
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
