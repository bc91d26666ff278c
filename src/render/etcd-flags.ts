import { atLeast } from "../release/version";
import type { ClusterSettings, MemberSettings } from "../settings";
import { installedFiles } from "./layout";

/** An etcd flag without its dashes, and its value. */
export type EtcdFlag = readonly [flag: string, value: string];

/**
 * The flags of a member, in the order in which its startup script has them; the user's own come last, by name.
 *
 * Not here: `initial-cluster`, `-state` and `-token`, which the startup script decides at each start.
 */
export function etcdFlags(cluster: ClusterSettings, member: MemberSettings): EtcdFlag[] {
  const loopback = cluster.insecureLoopbackClientUrl ? [`http://127.0.0.1:${cluster.clientPort}`] : [];
  return [
    ["name", member.name],
    ["data-dir", cluster.dataDir],
    ["listen-peer-urls", member.peerUrl],
    ["listen-client-urls", [member.clientUrl, ...loopback].join(",")],
    ["initial-advertise-peer-urls", member.peerUrl],
    // Never a loopback URL: each client would talk to itself.
    ["advertise-client-urls", member.clientUrl],
    ...tlsFlags(cluster),
    ...logFlags(cluster.version),
    ...given("quota-backend-bytes", cluster.quotaBackendBytes),
    // Before 3.3 there is no mode; `periodic` is the default of those that have one.
    ...given("auto-compaction-mode", cluster.autoCompaction?._mode === "revision" ? "revision" : undefined),
    ...given("auto-compaction-retention", cluster.autoCompaction?._retention),
    ...given("heartbeat-interval", cluster.heartbeatInterval),
    ...given("election-timeout", cluster.electionTimeout),
    ...given("listen-metrics-urls", cluster.listenMetricsUrls?.join(",")),
    ...Object.keys(cluster.extraFlags)
      .sort()
      .map((flag): EtcdFlag => [flag, cluster.extraFlags[flag]]),
  ];
}

function tlsFlags({ version, installRoot }: ClusterSettings): EtcdFlag[] {
  const { ca, cert, key } = installedFiles(installRoot);
  const side = (prefix: string): EtcdFlag[] => [
    [`${prefix}cert-file`, cert],
    [`${prefix}key-file`, key],
    [`${prefix}client-cert-auth`, "true"],
    [`${prefix}trusted-ca-file`, ca],
    // The runbook's era has this one too; to etcd until 3.3 the two are one pool of CAs.
    ...(atLeast(version, "3.4.0") ? [] : [[`${prefix}ca-file`, ca] as const]),
  ];
  return [...side(""), ...side("peer-")];
}

/** To standard output, which supervisor rotates; never to journald. */
function logFlags(version: string): EtcdFlag[] {
  if (!atLeast(version, "3.4.0")) return [["log-output", "stdout"]];
  return [
    ["logger", "zap"],
    ["log-outputs", "stdout"],
  ];
}

function given(flag: string, value: string | number | undefined): EtcdFlag[] {
  return value === undefined ? [] : [[flag, String(value)]];
}
