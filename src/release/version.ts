/** An etcd version, split into its parts. */
export interface Version {
  /** `3.6` of `3.6.14`. */
  readonly minor: string;
  /** `14` of `3.6.14`. */
  readonly patch: number;
  /** The three numbers, for comparing. */
  readonly numbers: readonly [number, number, number];
}

/** The parts of `X.Y.Z`; undefined for any other text, including one with a leading `v` or a trailing `-rc.0`. */
export function parseVersion(text: string): Version | undefined {
  const match = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(text);
  if (!match) return undefined;
  const [x, y, z] = match.slice(1).map(Number);
  return { minor: `${x}.${y}`, patch: z, numbers: [x, y, z] };
}

/**
 * A number below zero if `a` is older than `b`, zero if they are the same, and above zero if `a` is newer.
 *
 * @throws Error when one of them is not `X.Y.Z`.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => {
    const version = parseVersion(text);
    if (!version) throw new Error(`"${text}" is not an etcd version; use X.Y.Z, e.g. 3.6.14`);
    return version.numbers;
  });
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** Whether `version` is `minimum` or newer. */
export function atLeast(version: string, minimum: string): boolean {
  return compareVersions(version, minimum) >= 0;
}
