import { FLAGS, MINORS } from "./flags.generated";
import { parseVersion } from "./version";

/** Whether etcd knows the flag (without dashes) in this version. etcd does not start with an unknown flag. */
export function flagKnown(flag: string, version: string): boolean {
  const { minor, patch } = parseVersion(version) ?? { minor: "", patch: 0 };
  const [first, last = Infinity] = patches(flag, minor) ?? [Infinity];
  return first <= patch && patch <= last;
}

/**
 * The versions in which etcd knows the flag, for a message; empty if there are none. Examples: `3.1 to 3.3`, or `3.4.25
 * and later, 3.5.8 and later, 3.6 to 3.7`.
 */
export function flagVersions(flag: string): string {
  const spans: string[] = [];
  // Consecutive minor versions of which all patches know the flag, and which are not in `spans` yet.
  let run: string[] = [];
  const closeRun = () => {
    if (run.length > 0) spans.push(run.length === 1 ? run[0] : `${run[0]} to ${run[run.length - 1]}`);
    run = [];
  };
  for (const minor of MINORS) {
    const [first, last] = patches(flag, minor) ?? [];
    if (first === 0 && last === undefined) {
      run.push(minor);
      continue;
    }
    closeRun();
    if (first !== undefined)
      spans.push(`${minor}.${first} ${last === undefined ? "and later" : `to ${minor}.${last}`}`);
  }
  closeRun();
  return spans.join(", ");
}

/** The first patch of a minor version that knows the flag and, if a later patch dropped the flag, the last one. */
function patches(flag: string, minor: string): readonly number[] | undefined {
  return Object.prototype.hasOwnProperty.call(FLAGS, flag) ? FLAGS[flag][minor] : undefined;
}
