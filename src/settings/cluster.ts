import type { ITerraformDependable } from "cdktf";
import type { CertificateOptions } from "../pki/certificate-options";
import { EtcdRelease } from "../release/etcd-release";
import { byName } from "../topology/order";
import type { AutoCompaction } from "./auto-compaction";
import { type BackupSettings, type EtcdBackups, resolveBackups } from "./backups";
import { type DefragmentationSettings, type EtcdDefragmentation, resolveDefragmentation } from "./defragmentation";
import { type EtcdMemberProps, type MemberSettings, resolveMember } from "./member";
import type { OperatorCredentialsOptions } from "./operator-credentials";
import {
  DEFAULT_CLIENT_PORT,
  DEFAULT_DATA_DIR,
  DEFAULT_INSTALL_ROOT,
  DEFAULT_LOG_DIR,
  DEFAULT_PEER_PORT,
  DEFAULT_SUPERVISOR_INI,
  type PathOptions,
  type PortOptions,
} from "./places";
import { RemovalPolicy } from "./removal-policy";
import { type EtcdRestore, resolveRestore, type RestoreSettings } from "./restore";
import type { SshOptions } from "./ssh";

/** Input of `EtcdCluster`. */
export interface EtcdClusterProps {
  /**
   * The members: 1 to 7, preferably an odd number. Their order does not matter: changes are rolled out in the order of
   * their names.
   */
  readonly members: EtcdMemberProps[];

  /** SSH settings of all hosts. */
  readonly ssh: SshOptions;

  /**
   * etcd version, `X.Y.Z`, from 3.1.0 to 3.7.x. A newer one upgrades the members one by one, after a verified snapshot;
   * no minor version may be skipped.
   *
   * @default "3.6.14"
   */
  readonly version?: string;

  /**
   * Where the release archive comes from, and its digest.
   *
   * @default EtcdRelease.github()
   */
  readonly release?: EtcdRelease;

  /**
   * The certificates of the cluster.
   *
   * @default - a CA of the cluster's own, and one P-256 peer certificate per member, valid for ten years
   */
  readonly certificates?: CertificateOptions;

  /**
   * etcd's `--quota-backend-bytes`: the size of the database, in bytes, at which etcd refuses writes. At most 8 GiB
   * (8589934592), as etcd recommends. A change restarts the members one by one.
   *
   * @default - etcd's default, 2 GiB
   */
  readonly quotaBackendBytes?: number;

  /**
   * How etcd automatically discards old revisions. A change restarts the members one by one.
   *
   * @default - etcd's default: never
   */
  readonly autoCompaction?: AutoCompaction;

  /**
   * etcd's `--heartbeat-interval`, in milliseconds. A change restarts the members one by one.
   *
   * @default - etcd's default, 100
   */
  readonly heartbeatInterval?: number;

  /**
   * etcd's `--election-timeout`, in milliseconds: at least five times the heartbeat interval, at most 50000. A
   * change restarts the members one by one.
   *
   * @default - etcd's default, 1000
   */
  readonly electionTimeout?: number;

  /**
   * etcd's `--listen-metrics-urls` (from 3.3 on). A change restarts the members one by one.
   *
   * @default - metrics are served on the client URL, to clients with a certificate
   */
  readonly listenMetricsUrls?: string[];

  /**
   * Additional etcd flags, without the leading dashes: `{ "snapshot-count": "10000" }`.
   *
   * A flag is refused if etcd does not know it in this version, if another prop sets it, or if it opens a listener,
   * weakens TLS or moves data. A value is refused if it is not of the flag's type. A change restarts the members one
   * by one.
   *
   * @default - none
   */
  readonly extraFlags?: { [flag: string]: string };

  /**
   * Whether each member also listens on `http://127.0.0.1:<client port>`, as in the runbook. Any local user of the host
   * can then read and write everything, without a certificate. A change restarts the members one by one.
   *
   * @default false
   */
  readonly insecureLoopbackClientUrl?: boolean;

  /**
   * Paths on the hosts.
   *
   * @default - the runbook's layout
   */
  readonly paths?: PathOptions;

  /**
   * TCP ports.
   *
   * @default - 2380 for peers, 2379 for clients
   */
  readonly ports?: PortOptions;

  /**
   * System user that etcd runs as. If it does not exist, it is created without a login shell and a home directory. It
   * cannot be changed while a member runs.
   *
   * @default "etcd"
   */
  readonly user?: string;

  /**
   * What happens to the data of a removed member. A change touches no running member.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Backups of the cluster: `EtcdBackups.onHosts()`. A change restarts no etcd.
   *
   * @default - no backups are taken
   */
  readonly backups?: EtcdBackups;

  /**
   * Gives free pages of the databases back to the disk: `EtcdDefragmentation.onHosts()`. A change restarts no etcd.
   *
   * @default - the database files keep their size
   */
  readonly defragmentation?: EtcdDefragmentation;

  /**
   * Makes a new cluster of all members from a snapshot, once: `EtcdRestore.fromFile()`. etcd stops on all members, their
   * old data are moved aside, and clients are let in again when all members have the same data.
   *
   * @default - nothing is restored
   */
  readonly restore?: EtcdRestore;

  /**
   * Writes client credentials and an `etcdctl` environment file to the operator's machine.
   *
   * @default - nothing is written
   */
  readonly operatorCredentials?: OperatorCredentialsOptions;

  /**
   * Whether the machines of the members are resources of this stack. Each member then needs `machine`.
   *
   * - `false`: a member that has left the program is stopped last, after the others are healthy. For that, Terraform
   *   creates the replacement of whatever the members refer to before it destroys the old one: all replacements of
   *   machines are planned as `+/-`.
   * - `true`: the machines keep their own lifecycle. A member is taken out of the cluster first, while all others are
   *   healthy, and then Terraform may destroy its machine.
   *
   * See docs/provisioned-hosts.md. A change of it touches no member. Deploy it alone: machines that are replaced or
   * destroyed in the same apply are not waited for, and their data are lost.
   *
   * @default false
   */
  readonly machinesInStack?: boolean;

  /**
   * What must be complete before the deploy connects to any host: a firewall, a volume, a resource that waits for
   * cloud-init. It is destroyed after the cluster. A change of it alone runs nothing on the hosts. Without
   * `machinesInStack`, Terraform creates a replacement of each of these before it destroys the old one.
   *
   * The machines need not be listed if the members' addresses refer to them.
   *
   * @default - nothing but what the other props refer to
   */
  readonly dependsOn?: ITerraformDependable[];
}

/**
 * The settings of a cluster with every default filled in, which all layers below EtcdCluster use. No other place in
 * `src/` fills in one of these defaults. A setting that stays undefined has etcd's own default, which is repeated where
 * something is compared with it: in `src/validation/tuning-rules.ts` and `scripts/lib/quota.sh`.
 */
export interface ClusterSettings {
  /** Sorted by name, so that no text, no trigger and no chain depends on the order in the program. */
  readonly members: MemberSettings[];
  readonly version: string;
  readonly release: EtcdRelease;
  readonly installRoot: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly supervisorIni: string;
  readonly peerPort: number;
  readonly clientPort: number;
  readonly user: string;
  readonly removalPolicy: RemovalPolicy;
  readonly insecureLoopbackClientUrl: boolean;
  readonly quotaBackendBytes?: number;
  readonly backups?: BackupSettings;
  readonly defragmentation?: DefragmentationSettings;
  readonly restore?: RestoreSettings;
  readonly autoCompaction?: AutoCompaction;
  readonly heartbeatInterval?: number;
  readonly electionTimeout?: number;
  readonly listenMetricsUrls?: string[];
  readonly extraFlags: { [flag: string]: string };
  readonly machinesInStack: boolean;
}

/**
 * The etcd version of a cluster that sets none: the newest version with a known digest of the minor version that is
 * most widely deployed.
 */
const DEFAULT_VERSION = "3.6.14";

/** etcd recommends no more members than this, because each additional member makes every write slower. */
export const MAX_MEMBERS = 7;

const DEFAULT_USER = "etcd";

/** Fills in every default. */
export function resolveClusterProps(props: EtcdClusterProps): ClusterSettings {
  const peerPort = props.ports?.peer ?? DEFAULT_PEER_PORT;
  const clientPort = props.ports?.client ?? DEFAULT_CLIENT_PORT;
  const dataDir = props.paths?.dataDir ?? DEFAULT_DATA_DIR;
  return {
    members: props.members.map((member) => resolveMember(member, props.ssh, peerPort, clientPort)).sort(byName),
    version: props.version ?? DEFAULT_VERSION,
    release: props.release ?? EtcdRelease.github(),
    installRoot: props.paths?.installRoot ?? DEFAULT_INSTALL_ROOT,
    dataDir,
    logDir: props.paths?.logDir ?? DEFAULT_LOG_DIR,
    supervisorIni: props.paths?.supervisorProgramFile ?? DEFAULT_SUPERVISOR_INI,
    peerPort,
    clientPort,
    user: props.user ?? DEFAULT_USER,
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    backups: resolveBackups(props.backups, dataDir),
    defragmentation: resolveDefragmentation(props.defragmentation),
    restore: resolveRestore(props.restore),
    insecureLoopbackClientUrl: props.insecureLoopbackClientUrl ?? false,
    quotaBackendBytes: props.quotaBackendBytes,
    autoCompaction: props.autoCompaction,
    heartbeatInterval: props.heartbeatInterval,
    electionTimeout: props.electionTimeout,
    listenMetricsUrls: props.listenMetricsUrls,
    extraFlags: props.extraFlags ?? {},
    machinesInStack: props.machinesInStack ?? false,
  };
}
