import { requiredText } from "./required";

/** What a restore may replace, and whether it is done once more. */
export interface EtcdRestoreOptions {
  /**
   * The ID of a cluster that may be replaced although it has a quorum: hexadecimal, as the refusal of a deploy and
   * `cluster_id` in a backup's description show it. Everything that was written to that cluster after the snapshot is lost.
   *
   * @default - a restore is refused while the members have a quorum
   */
  readonly replacesCluster?: string;

  /**
   * The name of the newest backup that may be given up: `etcd-server-7-21-20261126T192853Z.db`. A restore is refused
   * while a host has a backup that is newer than the snapshot, unless it is this one or an older one.
   *
   * @default - a restore is refused while a newer backup is known
   */
  readonly discardsBackup?: string;

  /**
   * A number that you increase to restore the same snapshot once more. With `fromMember`, a new snapshot is taken.
   *
   * @default 0
   */
  readonly attempt?: number;
}

/** Where the other hosts get a snapshot from that is on one of the hosts. */
export interface EtcdHostRestoreOptions extends EtcdRestoreOptions {
  /**
   * The TCP port at which the host that has the snapshot offers it to the other hosts for the time of the restore, to
   * holders of a certificate of the cluster's CA.
   *
   * @default 2382
   */
  readonly transferPort?: number;
}

/**
 * Where the data of a cluster come from. A restore makes a new cluster of all members from one snapshot. The members'
 * old data are moved aside, not deleted. It is done once: a later deploy does not restore again, so `restore` may stay
 * in the program, and it may be removed.
 */
export class EtcdRestore {
  /**
   * Restores a snapshot that is on the operator's machine.
   *
   * @param path Path of the snapshot, as `etcdctl snapshot save` or a backup wrote it. If the description that a backup
   *   has is beside it (`PATH.json`), more can be checked.
   * @param options What the restore may replace.
   */
  public static fromFile(path: string, options: EtcdRestoreOptions = {}): EtcdRestore {
    return new EtcdRestore({ path: requiredText("EtcdRestore.fromFile(path)", path) }, options);
  }

  /**
   * Restores a snapshot that is on the host of a member.
   *
   * @param member The member's name.
   * @param path Path of the snapshot on that member's host: absolute.
   * @param options What the restore may replace.
   */
  public static fromHost(member: string, path: string, options: EtcdHostRestoreOptions = {}): EtcdRestore {
    const source = {
      member: requiredText("EtcdRestore.fromHost(member)", member),
      path: requiredText("EtcdRestore.fromHost(path)", path),
    };
    return new EtcdRestore(source, options);
  }

  /**
   * Restores what one member has, after the quorum was lost for good: a snapshot that it takes for this purpose, or a
   * copy of its database if its etcd does not run. Entries that the member had received but not yet applied are lost.
   *
   * @param member The member's name.
   * @param options What the restore may replace.
   */
  public static fromMember(member: string, options: EtcdHostRestoreOptions = {}): EtcdRestore {
    return new EtcdRestore({ member: requiredText("EtcdRestore.fromMember(member)", member) }, options);
  }

  private constructor(
    /** @internal */
    public readonly _source: RestoreSource,
    /** @internal */
    public readonly _options: EtcdHostRestoreOptions,
  ) {}
}

/** A file of the operator's has only a path; a file on a host has both; the data of a member have only the member. */
export interface RestoreSource {
  readonly member?: string;
  readonly path?: string;
}

/** The restore with every default filled in. */
export interface RestoreSettings {
  readonly source: RestoreSource;
  readonly replacesCluster?: string;
  readonly discardsBackup?: string;
  readonly attempt: number;
  readonly transferPort: number;
}

const DEFAULT_TRANSFER_PORT = 2382;

export function resolveRestore(restore: EtcdRestore | undefined): RestoreSettings | undefined {
  if (restore === undefined) return undefined;
  const { attempt = 0, transferPort = DEFAULT_TRANSFER_PORT, ...options } = restore._options;
  return { source: restore._source, ...options, attempt, transferPort };
}
