import { flagKnown, flagVersions } from "../../src/release/flags";
import { etcdFlags } from "../../src/render/etcd-flags";
import { OWNED_FLAGS } from "../../src/render/owned-flags";
import { AutoCompaction, type EtcdClusterProps } from "../../src/settings";
import { runbookWith } from "../support/settings";

function flagsWith(props: Partial<EtcdClusterProps>): string[] {
  const cluster = runbookWith(props);
  return etcdFlags(cluster, cluster.members[0]).map(([flag, value]) => `${flag}=${value}`);
}

test("a member of etcd 3.6.14 with default props has these flags", () => {
  expect(flagsWith({})).toEqual([
    "name=etcd-server-7-12",
    "data-dir=/data/etcd/etcd-server",
    "listen-peer-urls=https://10.4.7.12:2380",
    "listen-client-urls=https://10.4.7.12:2379",
    "initial-advertise-peer-urls=https://10.4.7.12:2380",
    "advertise-client-urls=https://10.4.7.12:2379",
    "cert-file=/opt/etcd/certs/etcd-peer.pem",
    "key-file=/opt/etcd/certs/etcd-peer-key.pem",
    "client-cert-auth=true",
    "trusted-ca-file=/opt/etcd/certs/ca.pem",
    "peer-cert-file=/opt/etcd/certs/etcd-peer.pem",
    "peer-key-file=/opt/etcd/certs/etcd-peer-key.pem",
    "peer-client-cert-auth=true",
    "peer-trusted-ca-file=/opt/etcd/certs/ca.pem",
    "logger=zap",
    "log-outputs=stdout",
    "feature-gates=InitialCorruptCheck=true",
  ]);
});

test.each([
  ["3.5.9", {}, []],
  ["3.5.10", {}, ["experimental-initial-corrupt-check=true"]],
  ["3.5.33", { "experimental-initial-corrupt-check": "false" }, ["experimental-initial-corrupt-check=false"]],
  ["3.6.0", { "experimental-initial-corrupt-check": "false" }, ["experimental-initial-corrupt-check=false"]],
  ["3.7.1", { "feature-gates": "InitialCorruptCheck=false" }, ["feature-gates=InitialCorruptCheck=false"]],
  [
    "3.7.1",
    { "feature-gates": "LeaseCheckpoint=true" },
    ["feature-gates=InitialCorruptCheck=true,LeaseCheckpoint=true"],
  ],
  ["3.7.1", { "feature-gates": "${var.gates}" }, ["feature-gates=${var.gates}"]],
])("the check for corruption of etcd %s, with %o", (version, extraFlags, flags) => {
  expect(flagsWith({ version, extraFlags }).slice(flagsWith({ version: "3.4.0" }).length)).toEqual(flags);
});

test("a member of etcd 3.1.20, the runbook's version, has these flags", () => {
  expect(flagsWith({ version: "3.1.20" })).toEqual([
    "name=etcd-server-7-12",
    "data-dir=/data/etcd/etcd-server",
    "listen-peer-urls=https://10.4.7.12:2380",
    "listen-client-urls=https://10.4.7.12:2379",
    "initial-advertise-peer-urls=https://10.4.7.12:2380",
    "advertise-client-urls=https://10.4.7.12:2379",
    "cert-file=/opt/etcd/certs/etcd-peer.pem",
    "key-file=/opt/etcd/certs/etcd-peer-key.pem",
    "client-cert-auth=true",
    "trusted-ca-file=/opt/etcd/certs/ca.pem",
    "ca-file=/opt/etcd/certs/ca.pem",
    "peer-cert-file=/opt/etcd/certs/etcd-peer.pem",
    "peer-key-file=/opt/etcd/certs/etcd-peer-key.pem",
    "peer-client-cert-auth=true",
    "peer-trusted-ca-file=/opt/etcd/certs/ca.pem",
    "peer-ca-file=/opt/etcd/certs/ca.pem",
    "log-output=stdout",
  ]);
});

test.each(["3.1.0", "3.1.20", "3.2.0", "3.3.0", "3.3.27", "3.4.0", "3.5.3", "3.6.0", "3.7.1"])(
  "etcd %s knows every flag that a member gets by default",
  (version) => {
    const cluster = runbookWith({ version });
    const unknown = etcdFlags(cluster, cluster.members[0]).filter(([flag]) => !flagKnown(flag, version));
    expect(unknown).toEqual([]);
  },
);

test("each prop becomes its flag, and the extra flags come last, sorted by name", () => {
  const flags = flagsWith({
    quotaBackendBytes: 8589934592,
    autoCompaction: AutoCompaction.revision(1000),
    heartbeatInterval: 200,
    electionTimeout: 2000,
    listenMetricsUrls: ["http://127.0.0.1:2381", "http://[::1]:2381"],
    extraFlags: { "snapshot-count": "10000", "max-wals": "3" },
  });
  expect(flags.slice(flags.indexOf("log-outputs=stdout") + 1)).toEqual([
    "quota-backend-bytes=8589934592",
    "auto-compaction-mode=revision",
    "auto-compaction-retention=1000",
    "heartbeat-interval=200",
    "election-timeout=2000",
    "listen-metrics-urls=http://127.0.0.1:2381,http://[::1]:2381",
    "feature-gates=InitialCorruptCheck=true",
    "max-wals=3",
    "snapshot-count=10000",
  ]);
});

test.each(["3.1.20", "3.6.14"])(
  "every flag of a member of etcd %s is an owned flag, so that extraFlags cannot set it again",
  (version) => {
    const cluster = runbookWith({
      version,
      quotaBackendBytes: 1,
      autoCompaction: AutoCompaction.periodic("1"),
      heartbeatInterval: 1,
      electionTimeout: 1,
      listenMetricsUrls: ["http://127.0.0.1:2381"],
    });
    // A user's own feature gates are merged with ours.
    const merged = ["feature-gates", "experimental-initial-corrupt-check"];
    const flags = etcdFlags(cluster, cluster.members[0]).map(([flag]) => flag);
    const unowned = flags.filter((flag) => !(flag in OWNED_FLAGS) && !merged.includes(flag));
    expect(unowned).toEqual([]);
  },
);

test("every owned flag exists in some version of etcd", () => {
  expect(Object.keys(OWNED_FLAGS).filter((flag) => flagVersions(flag) === "")).toEqual([]);
});

test("etcd listens on the insecure loopback URL if it is enabled, and never advertises it", () => {
  const flags = flagsWith({ insecureLoopbackClientUrl: true, ports: { client: 4001 } });
  expect(flags).toContain("listen-client-urls=https://10.4.7.12:4001,http://127.0.0.1:4001");
  expect(flags).toContain("advertise-client-urls=https://10.4.7.12:4001");
});
