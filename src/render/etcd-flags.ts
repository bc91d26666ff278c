import { atLeast } from "../release/version";
import type { ClusterSettings, MemberSettings } from "../settings";
import { installedFiles } from "./layout";

/** An etcd flag without its leading dashes, and its value. */
export type EtcdFlag = readonly [flag: string, value: string];

/**
 * The flags of a member, in the order in which its startup script has them. The user's own flags come last, sorted by
 * name.
 *
 * `initial-cluster`, `initial-cluster-state` and `initial-cluster-token` are not among them: the startup script decides
 * these at each start.
 */
export function etcdFlags(cluster: ClusterSettings, member: MemberSettings): EtcdFlag[] {
  const loopback = cluster.insecureLoopbackClientUrl ? [`http://127.0.0.1:${cluster.clientPort}`] : [];
  return [
    ["name", member.name],
    ["data-dir", cluster.dataDir],
    // etcd refuses names here: it listens on IP addresses.
    ["listen-peer-urls", member.listenPeerUrl],
    ["listen-client-urls", [member.listenClientUrl, ...loopback].join(",")],
    ["initial-advertise-peer-urls", member.peerUrl],
    // Never a loopback URL: each client would connect to its own machine.
    ["advertise-client-urls", member.clientUrl],
    ...tlsFlags(cluster),
    ...logFlags(cluster.version),
    ...given("quota-backend-bytes", cluster.quotaBackendBytes),
    // Versions before 3.3 do not have this flag. In later versions, `periodic` is its default.
    ...given("auto-compaction-mode", cluster.autoCompaction?._mode === "revision" ? "revision" : undefined),
    ...given("auto-compaction-retention", cluster.autoCompaction?._retention),
    ...given("heartbeat-interval", cluster.heartbeatInterval),
    ...given("election-timeout", cluster.electionTimeout),
    ...given("listen-metrics-urls", cluster.listenMetricsUrls?.join(",")),
    ...Object.entries(withCorruptionCheck(cluster)).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
}

const EXPERIMENTAL = "experimental-initial-corrupt-check";
const GATE = "InitialCorruptCheck";

/**
 * The user's own flags, and etcd's check at each start: a member whose data differ from the others' does not start.
 * kubeadm and OpenShift switch it on, too. Before 3.5.10, it can fail after a compaction (etcd's pull request 16048).
 * A user's own setting of it stays.
 */
function withCorruptionCheck({ version, extraFlags }: ClusterSettings): { [flag: string]: string } {
  if (!atLeast(version, "3.5.10") || extraFlags[EXPERIMENTAL] !== undefined) return extraFlags;
  if (!atLeast(version, "3.6.0")) return { ...extraFlags, [EXPERIMENTAL]: "true" };
  const gates = extraFlags["feature-gates"] ?? "";
  // What a token stands for, or something that is not a text, is left as it is.
  if (typeof gates !== "string" || gates.includes(GATE) || gates.includes("${")) return extraFlags;
  return { ...extraFlags, "feature-gates": [`${GATE}=true`, ...(gates === "" ? [] : [gates])].join(",") };
}

/** The flags that, after these ones, switch that check off again: of a flag that is given twice, the last value counts. */
export function withoutCorruptionCheck(flags: readonly EtcdFlag[]): EtcdFlag[] {
  const off: EtcdFlag[] = [];
  for (const [flag, value] of flags) {
    if (flag === EXPERIMENTAL) off.push([flag, "false"]);
    if (flag === "feature-gates" && value.includes(`${GATE}=true`)) off.push([flag, `${GATE}=false`]);
  }
  return off;
}

function tlsFlags({ version, installRoot }: ClusterSettings): EtcdFlag[] {
  const { ca, cert, key } = installedFiles(installRoot);
  const side = (prefix: string): EtcdFlag[] => [
    [`${prefix}cert-file`, cert],
    [`${prefix}key-file`, key],
    [`${prefix}client-cert-auth`, "true"],
    [`${prefix}trusted-ca-file`, ca],
    // The runbook's version has this flag, too. Until 3.3, etcd puts both files into one pool of CAs.
    ...(atLeast(version, "3.4.0") ? [] : [[`${prefix}ca-file`, ca] as const]),
  ];
  return [...side(""), ...side("peer-")];
}

/** The log goes to standard output, which supervisor writes to a file and rotates, and never to journald. */
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
