import { FLAGS } from "../release/flags.generated";

/**
 * Flag → what decides it, for a message: a prop, or the reason why it cannot be set. All flags that `etcdFlags` and the
 * startup script render are listed here.
 */
export const OWNED_FLAGS: { readonly [flag: string]: string } = {
  name: "use members[].name",
  "data-dir": "use paths.dataDir",
  "wal-dir": "the write-ahead log is in paths.dataDir; for a separate disk, see docs/lost-data.md",
  "listen-peer-urls": "use members[].listenAddress and ports.peer",
  "listen-client-urls": "use members[].listenAddress and ports.client",
  "initial-advertise-peer-urls": "use members[].address and ports.peer",
  "advertise-client-urls": "use members[].address and ports.client",
  "listen-metrics-urls": "use listenMetricsUrls",
  "quota-backend-bytes": "use quotaBackendBytes",
  "auto-compaction-mode": "use autoCompaction",
  "auto-compaction-retention": "use autoCompaction",
  "heartbeat-interval": "use heartbeatInterval",
  "election-timeout": "use electionTimeout",
  ...owned(
    "use certificates",
    both(["cert-file", "key-file", "trusted-ca-file", "ca-file", "auto-tls", "client-cert-file", "client-key-file"]),
  ),
  "self-signed-cert-validity": "use certificates.validityHours",
  "client-cert-allowed-hostname":
    "the client certificates issued by the cluster have no host names, so etcd would refuse them",
  ...owned("peers would be accepted from hosts that their certificates do not name", [
    "peer-skip-client-san-verification",
    "experimental-peer-skip-client-san-verification",
  ]),
  "listen-client-http-urls": "clients are served on the client URL only, with TLS and a client certificate",
  "experimental-enable-v2v3":
    "the v2 API would allow everything to be read and written, bypassing etcd's users and roles",
  "socket-reuse-port": "a second etcd could get some of the traffic of the same port",
  ...owned("it is always on: anyone without a certificate is refused", ["client-cert-auth", "peer-client-cert-auth"]),
  ...owned("the members are listed in members", ["initial-cluster", ...named(/^discovery(-|$)/)]),
  ...owned("a deploy decides it from what it finds on the hosts", [
    "initial-cluster-state",
    "initial-cluster-token",
    "force-new-cluster",
  ]),
  ...owned("the log goes through supervisor to paths.logDir", [
    "log-output",
    "log-outputs",
    "logger",
    "enable-log-rotation",
    "log-rotation-config-json",
  ]),
  "config-file": "etcd would ignore all other flags; set the file's settings as flags instead",
  ...owned("a proxy is not a member", named(/^proxy(-|$)/)),
  version: "etcd would print its version and exit",
};

/**
 * Flags that may be set to one value only: flag → that value, and what the other value would do. The other value would
 * break what a deploy promises.
 */
export const FIXED_FLAGS: { readonly [flag: string]: readonly [value: boolean, otherwise: string] } = {
  "strict-reconfig-check": [true, "etcd would accept membership changes that lose the quorum"],
  "pre-vote": [true, "a member that comes back could depose a healthy leader"],
  "unsafe-no-fsync": [false, "a power failure would lose acknowledged writes"],
};

/** The flags of the client side, and the corresponding flags of the peer side. */
function both(flags: string[]): string[] {
  return [...flags, ...flags.map((flag) => `peer-${flag}`)];
}

/** The flags of all versions whose name matches. */
function named(pattern: RegExp): string[] {
  return Object.keys(FLAGS).filter((flag) => pattern.test(flag));
}

function owned(reason: string, flags: string[]): { [flag: string]: string } {
  return Object.fromEntries(flags.map((flag) => [flag, reason]));
}
