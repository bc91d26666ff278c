import { FLAGS, MINORS } from "./flags.generated";
import { parseVersion } from "./version";

/** Whether etcd knows the flag (no dashes) at this version. An unknown flag is fatal to etcd. */
export function flagKnown(flag: string, version: string): boolean {
  const { minor, patch } = parseVersion(version) ?? { minor: "", patch: 0 };
  const [first, last = Infinity] = patches(flag, minor) ?? [Infinity];
  return first <= patch && patch <= last;
}

/** In which versions etcd knows the flag, for a message: `3.1 to 3.3`, or `3.4.25 and later, 3.5.8 and later, 3.6 to 3.7`; empty when in none. */
export function flagVersions(flag: string): string {
  const spans: string[] = [];
  // The whole minors in a row that are not in `spans` yet.
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

/** The first and, if a later one dropped it, the last patch of a minor that knows the flag. */
function patches(flag: string, minor: string): readonly number[] | undefined {
  return Object.prototype.hasOwnProperty.call(FLAGS, flag) ? FLAGS[flag][minor] : undefined;
}
