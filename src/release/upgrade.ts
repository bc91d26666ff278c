import { DIGESTS } from "./digests.generated";
import { MINORS } from "./flags.generated";
import { supportStatus } from "./support";
import { atLeast, compareVersions, parseVersion } from "./version";

/** Whether a cluster can go from one etcd version to another in one deploy. */
export interface UpgradeVerdict {
  /** Whether it can. */
  readonly supported: boolean;

  /**
   * Why it cannot, in one line: what is wrong, the limit, and what to do.
   *
   * @default - it can
   */
  readonly reason?: string;
}

/** The rules for changing the etcd version of a cluster. */
export class EtcdUpgrade {
  /**
   * Whether a cluster can go from one version to another in one deploy. The same version is supported: nothing is to do.
   *
   * @param fromVersion The version that runs, `X.Y.Z`.
   * @param toVersion The version that is wanted, `X.Y.Z`.
   */
  public static check(fromVersion: string, toVersion: string): UpgradeVerdict {
    return supportedUpgrade(fromVersion, toVersion);
  }

  private constructor() {}
}

/** Versions of one minor from which an upgrade can start. */
export interface UpgradeSource {
  readonly minor: string;
  /** The lowest patch. */
  readonly floor: number;
}

/** The lowest patch of the minor before from which one goes to a minor. Where none is named, any patch will do. */
const FLOORS: { readonly [minor: string]: number } = { "3.6": 32, "3.7": 11 };

/** Whether a cluster can go from one version to another in one deploy. */
export function supportedUpgrade(from: string, to: string): UpgradeVerdict {
  const reason = refusal(from, to);
  return reason === undefined ? { supported: true } : { supported: false, reason };
}

/** From which versions, older than `to`, an upgrade to it is supported: one entry a minor, oldest first. */
export function upgradeSources(to: string): UpgradeSource[] {
  const minor = parseVersion(to)?.minor ?? "";
  if (!MINORS.includes(minor) || supportStatus(to).denied) return [];
  const previous = previousMinor(minor);
  return [...(previous ? [{ minor: previous, floor: FLOORS[minor] ?? 0 }] : []), { minor, floor: 0 }];
}

/** The same as one text for a host's script, the lowest version of each minor: `3.5.32 3.6.0`. What is newer than `to` is not its concern. */
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
    if (!parseVersion(text)) return `"${text}" is not an etcd version; give X.Y.Z, e.g. 3.6.14`;
  }
  if (from === to) return undefined;

  const foreign = [from, to].find((version) => !version.startsWith("3."));
  if (foreign) {
    return `${foreign} is of another major: an upgrade is from one etcd 3 to another; make a new cluster, and copy the data into it`;
  }
  if (compareVersions(to, from) < 0) {
    return `etcd does not go back: ${to} is older than ${from}; stay on ${from}, or go to a newer one`;
  }
  const known = `this package does not know: it knows ${MINORS[0]} to ${MINORS[MINORS.length - 1]}`;
  if (!MINORS.includes(minorOf(to))) {
    return `${to} is of a minor that ${known}; give one of these, or upgrade the package`;
  }
  if (!MINORS.includes(minorOf(from))) return `${from} is of a minor that ${known}; upgrade by hand`;

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
    ? `${newestKnown(minorOf(from))} first, from there to ${newestKnown(next)}`
    : `${newestKnown(next)} first`;
  return `etcd goes up one minor at a time: ${from} to ${to} skips ${span}; go to ${way}`;
}

/** What keeps `from` from going to the minor after its own. */
function oldPatch(from: string, to: string): string | undefined {
  const minor = minorOf(from);
  const floor = `${minor}.${FLOORS[to] ?? 0}`;
  if (minor === to || atLeast(from, floor)) return undefined;
  return `${from} is too old a patch: etcd ${to} takes over from ${floor} or later; go to ${newestKnown(minor)} first`;
}

function minorOf(version: string): string {
  return parseVersion(version)?.minor ?? "";
}

/** The newest version of a minor whose digest this package knows. Each minor but the first has one; nobody is sent to that. */
function newestKnown(minor: string): string {
  const [newest] = Object.keys(DIGESTS)
    .filter((version) => minorOf(version) === minor)
    .sort((a, b) => compareVersions(b, a));
  return newest;
}
