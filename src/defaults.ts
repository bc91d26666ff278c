/** etcd version of a cluster that names none: the newest of the most deployed minor whose digest is known here. */
export const DEFAULT_VERSION = "3.6.14";

/** etcd's own advice: each further member makes every write slower. */
export const MAX_MEMBERS = 7;

/** The ports that IANA registered for etcd, in TCP. */
export const DEFAULT_CLIENT_PORT = 2379;
export const DEFAULT_PEER_PORT = 2380;

/** The runbook's layout. */
export const DEFAULT_INSTALL_ROOT = "/opt";
export const DEFAULT_DATA_DIR = "/data/etcd/etcd-server";
export const DEFAULT_LOG_DIR = "/data/logs/etcd-server";
export const DEFAULT_SUPERVISOR_INI = "etcd-server";
export const DEFAULT_USER = "etcd";

/** Common names: of the CA, of the peer certificates (the runbook's), of the operator's client certificate. */
export const DEFAULT_CA_COMMON_NAME = "etcd-ca";
export const DEFAULT_PEER_COMMON_NAME = "k8s-etcd";
export const DEFAULT_OPERATOR_COMMON_NAME = "etcd-operator";

/** Twenty years: a CA outlives every leaf that it signs. */
export const DEFAULT_CA_VALIDITY_HOURS = 20 * 365 * 24;
/** Ten years. */
export const DEFAULT_LEAF_VALIDITY_HOURS = 10 * 365 * 24;
/** Thirty days. */
export const DEFAULT_EARLY_RENEWAL_HOURS = 30 * 24;

export const DEFAULT_SSH_PORT = 22;
export const DEFAULT_SSH_USER = "root";
export const DEFAULT_SSH_TIMEOUT = "1m";

/**
 * Terraform makes its script writable for everybody and runs it a round trip later, so it must lie where only the SSH user can go. It makes no
 * directory, so that place must be there on every host: root's home; for another user `.ssh` in the home, since the home itself is often open to all.
 */
export function defaultScriptPath(user: string): string {
  return `${user === "root" ? "/root" : "./.ssh"}/.cdktf-etcd-%RAND%.sh`;
}
