import { required } from "./required";

/**
 * How etcd automatically discards old revisions of keys: etcd's `--auto-compaction-mode` and
 * `--auto-compaction-retention`.
 */
export class AutoCompaction {
  /**
   * Keeps the revisions of the last hours.
   *
   * @param retention A whole number of hours (`12`) or, from etcd 3.3 on, a Go duration (`30m`).
   */
  public static periodic(retention: string): AutoCompaction {
    return new AutoCompaction("periodic", required("AutoCompaction.periodic(retention)", retention));
  }

  /**
   * Keeps a number of revisions. This requires etcd 3.3 or later.
   *
   * @param count Number of revisions, for example 1000.
   */
  public static revision(count: number): AutoCompaction {
    return new AutoCompaction("revision", required("AutoCompaction.revision(count)", count));
  }

  private constructor(
    /** @internal */
    public readonly _mode: "periodic" | "revision",
    /** @internal */
    public readonly _retention: string | number,
  ) {}
}
