import { durationSeconds } from "./duration";
import { asText, required } from "./required";

/** Which backups each host keeps. The newest good backup on a host is never deleted. */
export class BackupRetention {
  /**
   * Keeps the newest backups.
   *
   * @param count The number of backups on each host, for example 10.
   */
  public static last(count: number): BackupRetention {
    return new BackupRetention(
      { allHours: 0, hourly: 0, daily: 0, weekly: 0 },
      required("BackupRetention.last(count)", count),
    );
  }

  /**
   * Keeps fewer backups the older they are.
   *
   * @param options How many backups of which age.
   */
  public static exponential(options: ExponentialRetentionOptions = {}): BackupRetention {
    const { allHours = 1, hourly = 24, daily = 7, weekly = 4 } = options;
    return new BackupRetention({ allHours, hourly, daily, weekly });
  }

  private constructor(
    /** @internal */
    public readonly _ages: Required<ExponentialRetentionOptions>,
    /** @internal */
    public readonly _last?: number,
  ) {}
}

/** How many backups of which age a host keeps. */
export interface ExponentialRetentionOptions {
  /**
   * Keeps all backups of this many hours.
   *
   * @default 1
   */
  readonly allHours?: number;

  /**
   * Keeps the newest backup of each of this many hours.
   *
   * @default 24
   */
  readonly hourly?: number;

  /**
   * Keeps the newest backup of each of this many days.
   *
   * @default 7
   */
  readonly daily?: number;

  /**
   * Keeps the newest backup of each of this many weeks.
   *
   * @default 4
   */
  readonly weekly?: number;
}

/** A command that runs on the host, as root, after each good backup, to copy it somewhere else. */
export interface BackupCommandOptions {
  /**
   * Text for `sh -c`. The environment variable `ETCD_BACKUP_FILE` has the path of the snapshot, and `ETCD_BACKUP_JSON`
   * the path of its description. The text must not contain a password: it is written to the Terraform state, and to a
   * file that only root can read on the host.
   */
  readonly command: string;

  /**
   * The time after which the command is ended and counts as failed: a Go duration.
   *
   * @default "15m"
   */
  readonly timeout?: string;
}

/** How backups are taken on the hosts. */
export interface EtcdBackupOptions {
  /**
   * The time from one backup of the cluster to the next: a Go duration, from `1m` to `168h`.
   *
   * @default "1h"
   */
  readonly every?: string;

  /**
   * Which backups each host keeps.
   *
   * @default BackupRetention.exponential()
   */
  readonly keep?: BackupRetention;

  /**
   * The directory for backups on each host: an absolute path. Only root can enter it, and the removal of a member does
   * not delete it.
   *
   * @default - `paths.dataDir`, followed by `-backups`
   */
  readonly directory?: string;

  /**
   * The maximum size of all backups on one host, in bytes: 1 MiB or more. The oldest backups are deleted first.
   *
   * @default - no limit
   */
  readonly maxBytes?: number;

  /**
   * A command that copies each backup to another place. If it fails, the failure is logged and counted, and the command
   * is run again until it succeeds or the host has a newer backup.
   *
   * @default - backups stay on the hosts
   */
  readonly afterEach?: BackupCommandOptions;

  /**
   * The directory of node_exporter's textfile collector: an absolute path. The directory must exist, and only root may
   * be able to write to it.
   *
   * @default - no metrics are written
   */
  readonly textfileDirectory?: string;
}

/** The backups of a cluster. */
export class EtcdBackups {
  /**
   * Snapshots that the members take on their own hosts, one member at a time. Each snapshot is verified before it
   * counts. A change of the options restarts no etcd.
   *
   * @param options How often, in which directory, and which backups are kept.
   */
  public static onHosts(options: EtcdBackupOptions = {}): EtcdBackups {
    return new EtcdBackups(options);
  }

  private constructor(
    /** @internal */
    public readonly _options: EtcdBackupOptions,
  ) {}
}

/** The options with every default filled in. */
export interface BackupSettings {
  readonly everySeconds: number;
  readonly keep: BackupRetention;
  readonly directory: string;
  readonly maxBytes?: number;
  readonly command?: string;
  readonly commandSeconds: number;
  readonly textfileDirectory?: string;
}

export function resolveBackups(backups: EtcdBackups | undefined, dataDir: string): BackupSettings | undefined {
  if (backups === undefined) return undefined;
  const { every, keep, directory, maxBytes, afterEach, textfileDirectory } = backups._options;
  return {
    everySeconds: durationSeconds(asText(every ?? "1h")),
    keep: keep ?? BackupRetention.exponential(),
    directory: asText(directory ?? `${dataDir}-backups`),
    maxBytes,
    command: afterEach?.command,
    commandSeconds: durationSeconds(asText(afterEach?.timeout ?? "15m")),
    textfileDirectory: asText(textfileDirectory),
  };
}
