import { sharedHostProblems } from "../../src/validation/shared-hosts";
import type { EtcdClusterProps } from "../../src/settings";
import { runbookWith } from "../support/settings";

/** The runbook's cluster, and one of a single member. */
const problems = (props: Partial<EtcdClusterProps>) =>
  sharedHostProblems([
    { name: "etcd", settings: runbookWith({}) },
    { name: "events", settings: runbookWith({ members: [{ name: "events-1", address: "10.4.7.21" }], ...props }) },
  ]);

/** Everything of the second cluster's own. */
const APART: Partial<EtcdClusterProps> = {
  ports: { peer: 12380, client: 12379 },
  paths: {
    installRoot: "/opt/events",
    dataDir: "/data/events",
    logDir: "/data/logs/events",
    supervisorProgramFile: "etcd-events",
  },
};

test("two clusters on different hosts share nothing", () => {
  expect(problems({ members: [{ name: "etcd-server-7-12", address: "10.4.7.99" }] })).toEqual([]);
});

test("two clusters with ports, paths and names of their own may share a host", () => {
  expect(problems(APART)).toEqual([]);
});

test("every conflict on a shared host is told", () => {
  expect(problems({})).toEqual([
    '"etcd" and "events" share the host 10.4.7.21 and port 2380 on it; give one of them other ports',
    '"etcd" and "events" share the host 10.4.7.21 and port 2379 on it; give one of them other ports',
    '"etcd" and "events" share the host 10.4.7.21 and /opt/etcd (paths.installRoot) overlaps with /opt/etcd (paths.installRoot); give one of them other paths',
    '"etcd" and "events" share the host 10.4.7.21 and /data/etcd/etcd-server (paths.dataDir) overlaps with /data/etcd/etcd-server (paths.dataDir); give one of them other paths',
    '"etcd" and "events" share the host 10.4.7.21 and /data/logs/etcd-server (paths.logDir) overlaps with /data/logs/etcd-server (paths.logDir); give one of them other paths',
    '"etcd" and "events" share the host 10.4.7.21 and the supervisor file "etcd-server"; give one of them another paths.supervisorProgramFile',
  ]);
});

test("one's peer port may not be the other's client port", () => {
  expect(problems({ ...APART, ports: { peer: 2379, client: 12379 } })).toEqual([
    '"etcd" and "events" share the host 10.4.7.21 and port 2379 on it; give one of them other ports',
  ]);
});

test("one's data may not lie in the other's logs", () => {
  expect(problems({ ...APART, paths: { ...APART.paths, dataDir: "/data/logs/etcd-server/events" } })).toEqual([
    '"etcd" and "events" share the host 10.4.7.21 and /data/logs/etcd-server (paths.logDir) overlaps with /data/logs/etcd-server/events (paths.dataDir); give one of them other paths',
  ]);
});

test("two members of one name would be one supervisor program", () => {
  expect(problems({ ...APART, members: [{ name: "etcd-server-7-21", address: "10.4.7.21" }] })).toEqual([
    '"etcd" and "events" share the host 10.4.7.21 and the supervisor program "etcd-server-7-21"; give one of the members another name',
  ]);
});

test("the order of the clusters does not matter", () => {
  const one = { name: "b", settings: runbookWith({}) };
  const other = { name: "a", settings: runbookWith({}) };
  expect(sharedHostProblems([one, other])).toEqual(sharedHostProblems([other, one]));
  expect(sharedHostProblems([one, other])).toHaveLength(3 * 7);
});
