/** When a member's database is defragmented. */
export interface EtcdDefragmentationOptions {
  /**
   * How much of the database file must be free, in bytes: 1 MiB or more. `minFreePercent` must be reached, too.
   *
   * @default 104857600 (100 MiB, as OpenShift's etcd operator has it)
   */
  readonly minFreeBytes?: number;

  /**
   * How much of the database file must be free, in percent of its size: from 1 to 95. If the file has more than 80 % of
   * `quotaBackendBytes`, 10 percent are enough, however many bytes these are.
   *
   * @default 45 (as OpenShift's etcd operator has it)
   */
  readonly minFreePercent?: number;

  /**
   * The time of the day, in UTC, at which a defragmentation may begin: `HH:MM-HH:MM`, for example `01:00-04:30`, or
   * `23:00-02:00`.
   *
   * @default - at any time
   */
  readonly window?: string;
}

/** The defragmentation of a cluster's databases. */
export class EtcdDefragmentation {
  /**
   * Each host checks twice a minute whether defragmentation is worthwhile for its member. One member at a time is
   * defragmented, the leader last and after it has handed leadership over, while all members are healthy, no alarm is
   * raised, and nobody deploys or takes a backup on that host. A member answers nobody meanwhile, about a second for each
   * 100 MB that remain. A member rests for an hour after each attempt. A change of the options restarts no etcd.
   *
   * Needs etcd 3.4.38, 3.5.23, 3.6.5 or later: older versions do not say how much of the database is in use, or can
   * damage their data.
   *
   * @param options When it is worthwhile.
   */
  public static onHosts(options: EtcdDefragmentationOptions = {}): EtcdDefragmentation {
    return new EtcdDefragmentation(options);
  }

  private constructor(
    /** @internal */
    public readonly _options: EtcdDefragmentationOptions,
  ) {}
}

/** The options with every default filled in. */
export type DefragmentationSettings = Required<Omit<EtcdDefragmentationOptions, "window">> & {
  readonly window?: string;
};

export function resolveDefragmentation(
  defragmentation: EtcdDefragmentation | undefined,
): DefragmentationSettings | undefined {
  if (defragmentation === undefined) return undefined;
  const { minFreeBytes = 100 * 1024 ** 2, minFreePercent = 45, window } = defragmentation._options;
  return { minFreeBytes, minFreePercent, window };
}
