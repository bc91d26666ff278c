import { homedir } from "node:os";
import { join } from "node:path";
import { TerraformStack, Testing } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { sharedHostProblems } from "../../src/validation/shared-hosts";
import {
  EtcdBackups,
  type EtcdClusterProps,
  EtcdDefragmentation,
  EtcdRestore,
  type SshOptions,
} from "../../src/settings";
import { RUNBOOK, runbookWith } from "../support/settings";

/** The problems of the runbook's cluster, with some props, and a second cluster with a single member. */
const problems = (props: Partial<EtcdClusterProps>, runbook: Partial<EtcdClusterProps> = {}) =>
  sharedHostProblems([
    { name: "etcd", settings: runbookWith(runbook) },
    { name: "events", settings: runbookWith({ members: [{ name: "events-1", address: "10.4.7.21" }], ...props }) },
  ]);

/** Ports, paths and a supervisor program file that only the second cluster has. */
const APART: Partial<EtcdClusterProps> = {
  ports: { peer: 12380, client: 12379 },
  paths: {
    installRoot: "/opt/events",
    dataDir: "/data/events",
    logDir: "/data/logs/events",
    supervisorProgramFile: "etcd-events",
  },
};

test("two clusters on different hosts do not conflict", () => {
  expect(problems({ members: [{ name: "etcd-server-7-12", address: "10.4.7.99" }] })).toEqual([]);
});

test("two clusters with their own ports, paths and names may share a host", () => {
  expect(problems(APART)).toEqual([]);
});

test("every conflict on a shared host is reported", () => {
  expect(problems({})).toEqual([
    '"etcd" and "events" share the host 10.4.7.21, and both use port 2380 on it; give one of them different ports',
    '"etcd" and "events" share the host 10.4.7.21, and both use port 2379 on it; give one of them different ports',
    '"etcd" and "events" share the host 10.4.7.21, and /opt/etcd (paths.installRoot) overlaps with /opt/etcd (paths.installRoot); give one of them different paths',
    '"etcd" and "events" share the host 10.4.7.21, and /data/etcd/etcd-server (paths.dataDir) overlaps with /data/etcd/etcd-server (paths.dataDir); give one of them different paths',
    '"etcd" and "events" share the host 10.4.7.21, and /data/logs/etcd-server (paths.logDir) overlaps with /data/logs/etcd-server (paths.logDir); give one of them different paths',
    '"etcd" and "events" share the host 10.4.7.21, and both use the supervisor file "etcd-server"; give one of them a different paths.supervisorProgramFile',
  ]);
});

test("the peer port of one cluster must not be the client port of the other", () => {
  expect(problems({ ...APART, ports: { peer: 2379, client: 12379 } })).toEqual([
    '"etcd" and "events" share the host 10.4.7.21, and both use port 2379 on it; give one of them different ports',
  ]);
});

test("the data directory of one cluster must not be in the log directory of the other", () => {
  expect(problems({ ...APART, paths: { ...APART.paths, dataDir: "/data/logs/etcd-server/events" } })).toEqual([
    '"etcd" and "events" share the host 10.4.7.21, and /data/logs/etcd-server (paths.logDir) overlaps with /data/logs/etcd-server/events (paths.dataDir); give one of them different paths',
  ]);
});

test("two members with the same name are refused, because they would be the same supervisor program", () => {
  expect(problems({ ...APART, members: [{ name: "etcd-server-7-21", address: "10.4.7.21" }] })).toEqual([
    '"etcd" and "events" share the host 10.4.7.21, and both use the supervisor program "etcd-server-7-21"; give one of the members a different name',
  ]);
});

const shared = (what: string) => `"etcd" and "events" share the host 10.4.7.21, and ${what}`;
const SIDES = { backups: EtcdBackups.onHosts(), defragmentation: EtcdDefragmentation.onHosts() };

test.each<[title: string, second: Partial<EtcdClusterProps>, first: Partial<EtcdClusterProps>, problem: string]>([
  [
    "the same port for metrics",
    { listenMetricsUrls: ["http://127.0.0.1:2381"] },
    { listenMetricsUrls: ["http://0.0.0.0:2381"] },
    shared("both use port 2381 on it; give one of them different ports"),
  ],
  [
    "the port of the other's clients for metrics",
    { listenMetricsUrls: ["http://127.0.0.1:2379"] },
    {},
    shared("both use port 2379 on it; give one of them different ports"),
  ],
  [
    "the port of the other's clients for the transfer of a snapshot",
    { restore: EtcdRestore.fromMember("events-1", { transferPort: 2379 }) },
    {},
    shared("both use port 2379 on it; give one of them different ports"),
  ],
  [
    "the same directory for backups",
    { backups: EtcdBackups.onHosts({ directory: "/data/backups" }) },
    { backups: EtcdBackups.onHosts({ directory: "/data/backups" }) },
    shared(
      "/data/backups (backups.directory) overlaps with /data/backups (backups.directory); give one of them different paths",
    ),
  ],
  [
    "data where the other has its backups by default",
    { paths: { ...APART.paths, dataDir: "/data/etcd/etcd-server-backups" } },
    { backups: EtcdBackups.onHosts() },
    shared(
      "/data/etcd/etcd-server-backups (backups.directory) overlaps with /data/etcd/etcd-server-backups (paths.dataDir); give one of them different paths",
    ),
  ],
  [
    "data among the other's binaries, which a removal deletes",
    { paths: { ...APART.paths, dataDir: "/opt/etcd-v3.5.33/events" } },
    {},
    shared(
      "/opt/etcd (paths.installRoot) overlaps with /opt/etcd-v3.5.33/events (paths.dataDir); give one of them different paths",
    ),
  ],
  [
    "the name of the program that takes the other's backups",
    { members: [{ name: "etcd-server-7-21-backup", address: "10.4.7.21" }] },
    SIDES,
    shared('both use the supervisor program "etcd-server-7-21-backup"; give one of the members a different name'),
  ],
  [
    "the file of the program that defragments the other",
    { paths: { ...APART.paths, supervisorProgramFile: "etcd-server-defragmentation" } },
    SIDES,
    shared(
      'both use the supervisor file "etcd-server-defragmentation"; give one of them a different paths.supervisorProgramFile',
    ),
  ],
])("a second cluster must not have %s", (_, second, first, problem) => {
  expect(problems({ ...APART, ...second }, first)).toEqual([problem]);
});

test("data beside the other's binaries do not conflict", () => {
  expect(problems({ ...APART, paths: { ...APART.paths, dataDir: "/opt/etcd-vault/events" } }, SIDES)).toEqual([]);
});

test.each<[title: string, conflicts: number, one: SshOptions, other: SshOptions]>([
  ["two networks, each behind a bastion of its own", 0, { bastionHost: "staging" }, { bastionHost: "prod" }],
  ["two networks, whose hosts have other addresses for SSH", 0, { host: "203.0.113.1" }, { host: "203.0.113.2" }],
  ["one network", 7, {}, {}],
  ["one network behind one bastion", 7, { bastionHost: "Bastion" }, { bastionHost: "bastion" }],
  ["one network, with a bastion for one of the clusters", 7, {}, { bastionHost: "bastion" }],
  ["one network, with an address for SSH for one of the clusters", 7, {}, { host: "203.0.113.2" }],
])("the same addresses in %s are %d conflicts", (_, conflicts, one, other) => {
  const cluster = (name: string, ssh: SshOptions) => ({
    name,
    settings: runbookWith({ members: [{ ...RUNBOOK.members[0], ssh }] }),
  });
  expect(sharedHostProblems([cluster("a", one), cluster("b", other)])).toHaveLength(conflicts);
});

test("the order of the clusters does not matter", () => {
  const one = { name: "b", settings: runbookWith({}) };
  const other = { name: "a", settings: runbookWith({}) };
  expect(sharedHostProblems([one, other])).toEqual(sharedHostProblems([other, one]));
  expect(sharedHostProblems([one, other])).toHaveLength(3 * 7);
});

describe("the operator's credentials of two clusters of an app", () => {
  const deploy = (one: string, other: string) => () => {
    const app = Testing.app();
    for (const [i, directory] of [one, other].entries()) {
      const members = [{ name: "etcd-1", address: `10.4.7.${i + 1}` }];
      const stack = new TerraformStack(app, `stack-${i}`);
      new EtcdCluster(stack, "etcd", { ...RUNBOOK, members, operatorCredentials: { directory } });
    }
  };

  test.each([
    ["credentials", "./credentials/"],
    ["~/etcd", join(homedir(), "etcd")],
  ])("cannot be in one directory, %s and %s", (one, other) => {
    expect(deploy(one, other)).toThrow(
      `operatorCredentials.directory: "${other}" is also that of the cluster "stack-0/etcd", and the files of one would replace those of the other; use a directory for each, e.g. "${other}/stack-1/etcd"`,
    );
  });

  test("can be in two directories, one inside the other", () => {
    expect(deploy("credentials", "credentials/other")).not.toThrow();
  });
});
