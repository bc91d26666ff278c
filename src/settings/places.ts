/**
 * The places of files on the hosts. All directories are absolute paths without spaces, and none may be inside another.
 */
export interface PathOptions {
  /**
   * Directory that contains `etcd-vX.Y.Z` and the link `etcd` to the version in use. A change restarts the members one
   * by one.
   *
   * @default "/opt"
   */
  readonly installRoot?: string;

  /**
   * etcd's `--data-dir`. It cannot be changed for a member that has data.
   *
   * @default "/data/etcd/etcd-server"
   */
  readonly dataDir?: string;

  /**
   * Directory of etcd's log. A change restarts the members one by one.
   *
   * @default "/data/logs/etcd-server"
   */
  readonly logDir?: string;

  /**
   * Name, without extension, of the program's file in the directory that the host's supervisor includes. Two clusters
   * that share a host need different names. It cannot be changed while a member runs.
   *
   * @default "etcd-server"
   */
  readonly supervisorProgramFile?: string;
}

/** TCP ports of a member. */
export interface PortOptions {
  /**
   * Port for traffic between members. It cannot be changed for a member that has data.
   *
   * @default 2380
   */
  readonly peer?: number;

  /**
   * Port for clients. A change restarts the members one by one.
   *
   * @default 2379
   */
  readonly client?: number;
}

/** The TCP ports that IANA has registered for etcd. */
export const DEFAULT_CLIENT_PORT = 2379;
export const DEFAULT_PEER_PORT = 2380;

/** The runbook's layout. */
export const DEFAULT_INSTALL_ROOT = "/opt";
export const DEFAULT_DATA_DIR = "/data/etcd/etcd-server";
export const DEFAULT_LOG_DIR = "/data/logs/etcd-server";
export const DEFAULT_SUPERVISOR_INI = "etcd-server";
