import { DIGESTS } from "./digests.generated";
import { MINORS } from "./flags.generated";
import { supportStatus } from "./support";
import { atLeast, compareVersions, parseVersion } from "./version";

/** Whether a cluster can be upgraded from one etcd version to another in one deploy. */
export interface UpgradeVerdict {
  /** Whether the upgrade is supported. */
  readonly supported: boolean;

  /**
   * Why the upgrade is not supported, in one line: what is wrong, the limit, and what to do.
   *
   * @default - the upgrade is supported
   */
  readonly reason?: string;
}

/** The rules for changing the etcd version of a cluster. */
export class EtcdUpgrade {
  /**
   * Checks whether a cluster can be upgraded from one version to another in one deploy. The same version is supported:
   * there is nothing to do.
   *
   * @param fromVersion The version that is running, `X.Y.Z`.
   * @param toVersion The version to upgrade to, `X.Y.Z`.
   */
  public static check(fromVersion: string, toVersion: string): UpgradeVerdict {
    return supportedUpgrade(fromVersion, toVersion);
  }

  private constructor() {}
}

/** The patches of one minor version from which an upgrade can start. */
export interface UpgradeSource {
  readonly minor: string;
  /** The lowest patch. */
  readonly floor: number;
}

/**
 * For each minor version, the lowest patch of the previous minor version from which an upgrade can start. For a minor
 * version that is not listed, any patch will do.
 */
const FLOORS: { readonly [minor: string]: number } = { "3.6": 32, "3.7": 11 };

/** Checks whether a cluster can be upgraded from one version to another in one deploy. */
export function supportedUpgrade(from: string, to: string): UpgradeVerdict {
  const reason = refusal(from, to);
  return reason === undefined ? { supported: true } : { supported: false, reason };
}

/**
 * The versions, older than `to`, from which an upgrade to `to` is supported: one entry per minor version, oldest first.
 */
export function upgradeSources(to: string): UpgradeSource[] {
  const minor = parseVersion(to)?.minor ?? "";
  if (!MINORS.includes(minor) || supportStatus(to).denied) return [];
  const previous = previousMinor(minor);
  return [...(previous ? [{ minor: previous, floor: FLOORS[minor] ?? 0 }] : []), { minor, floor: 0 }];
}

/**
 * The same as one text for the host scripts, with the lowest version of each minor version: `3.5.32 3.6.0`. The text
 * has no upper limit: the scripts themselves check that `to` is not older than the version that is running.
 */
export function renderUpgradeSources(to: string): string {
  return upgradeSources(to)
    .map(({ minor, floor }) => `${minor}.${floor}`)
    .join(" ");
}

/** `3.5` of `3.6`; undefined for the first minor that this package knows, and for one that it does not know. */
export function previousMinor(minor: string): string | undefined {
  return MINORS[MINORS.indexOf(minor) - 1];
}

function refusal(from: string, to: string): string | undefined {
  for (const text of [from, to]) {
    if (!parseVersion(text)) return `"${text}" is not an etcd version; use X.Y.Z, e.g. 3.6.14`;
  }
  if (from === to) return undefined;

  const foreign = [from, to].find((version) => !version.startsWith("3."));
  if (foreign) {
    return `${foreign} has another major version: upgrades are possible only within etcd 3; create a new cluster, and copy the data into it`;
  }
  if (compareVersions(to, from) < 0) {
    return `downgrades are not supported: ${to} is older than ${from}; stay on ${from}, or choose a newer version`;
  }
  const known = `this package does not know: it knows ${MINORS[0]} to ${MINORS[MINORS.length - 1]}`;
  if (!MINORS.includes(minorOf(to))) {
    return `${to} has a minor version that ${known}; use one of these, or upgrade the package`;
  }
  if (!MINORS.includes(minorOf(from))) return `${from} has a minor version that ${known}; upgrade by hand`;

  const { denied } = supportStatus(to);
  if (denied) return `${to} is refused: ${denied}`;
  return skippedMinors(from, to) ?? oldPatch(from, minorOf(to));
}

function skippedMinors(from: string, to: string): string | undefined {
  const skipped = MINORS.slice(MINORS.indexOf(minorOf(from)) + 1, MINORS.indexOf(minorOf(to)));
  if (skipped.length === 0) return undefined;
  const [next] = skipped;
  const span = skipped.length === 1 ? next : `${next} to ${skipped[skipped.length - 1]}`;
  const way = oldPatch(from, next)
    ? `${newestKnown(minorOf(from))} first, then to ${newestKnown(next)}`
    : `${newestKnown(next)} first`;
  return `etcd is upgraded one minor version at a time: ${from} to ${to} skips ${span}; upgrade to ${way}`;
}

/** Why an upgrade from `from` to the next minor version, `to`, cannot start; undefined if it can. */
function oldPatch(from: string, to: string): string | undefined {
  const minor = minorOf(from);
  const floor = `${minor}.${FLOORS[to] ?? 0}`;
  if (minor === to || atLeast(from, floor)) return undefined;
  return `${from} is too old: an upgrade to etcd ${to} must start from ${floor} or later; upgrade to ${newestKnown(minor)} first`;
}

function minorOf(version: string): string {
  return parseVersion(version)?.minor ?? "";
}

/**
 * The newest patch of a minor version whose digest this package knows. Every minor version except the first one has
 * such a patch, and no message sends anybody to the first one.
 */
function newestKnown(minor: string): string {
  const [newest] = Object.keys(DIGESTS)
    .filter((version) => minorOf(version) === minor)
    .sort((a, b) => compareVersions(b, a));
  return newest;
}
