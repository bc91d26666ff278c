/** Flag → what decides it, for a message: a prop, or why nothing may. Everything that `etcdFlags` and the startup script render is here. */
export const OWNED_FLAGS: { readonly [flag: string]: string } = {
  name: "use members[].name",
  "data-dir": "use paths.dataDir",
  "wal-dir": "the write-ahead log lies in paths.dataDir; mount its disk there, on member/wal",
  "listen-peer-urls": "use members[].address and ports.peer",
  "listen-client-urls": "use members[].address and ports.client",
  "initial-advertise-peer-urls": "use members[].address and ports.peer",
  "advertise-client-urls": "use members[].address and ports.client",
  "listen-metrics-urls": "use listenMetricsUrls",
  "quota-backend-bytes": "use quotaBackendBytes",
  "auto-compaction-mode": "use autoCompactionMode",
  "auto-compaction-retention": "use autoCompactionRetention",
  "heartbeat-interval": "use heartbeatInterval",
  "election-timeout": "use electionTimeout",
  ...owned("use certificates", ["cert-file", "key-file", "trusted-ca-file", "ca-file", "auto-tls"]),
  ...owned("use certificates", [
    "peer-cert-file",
    "peer-key-file",
    "peer-trusted-ca-file",
    "peer-ca-file",
    "peer-auto-tls",
  ]),
  ...owned("it is always on: who has no certificate is refused", ["client-cert-auth", "peer-client-cert-auth"]),
  ...owned("the members are listed in members", [
    "initial-cluster",
    "discovery",
    "discovery-srv",
    "discovery-endpoints",
  ]),
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
  ]),
  "config-file": "etcd would ignore all other flags; give the file's settings here",
  proxy: "a proxy is no member",
  version: "etcd would print its version and exit",
};

function owned(reason: string, flags: string[]): { [flag: string]: string } {
  return Object.fromEntries(flags.map((flag) => [flag, reason]));
}
