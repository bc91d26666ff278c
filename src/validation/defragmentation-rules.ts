import { Token } from "cdktf";
import { atLeast } from "../release/version";
import { type Rule, unless } from "./problem";
import { versionIsKnown } from "./version-rules";

const MIB = 1024 ** 2;

export const defragmentation: Rule = function* (subject) {
  const options = subject.props.defragmentation?._options;
  if (options === undefined) return;
  for (const [option, value] of Object.entries(options)) {
    if (Token.isUnresolved(value)) yield `defragmentation.${option}: a token is known only at apply; use a literal`;
  }
  yield* unless(
    "defragmentation.minFreeBytes",
    options.minFreeBytes,
    (bytes) => Number.isSafeInteger(bytes) && bytes >= MIB,
    "is out of range; use 1048576 (1 MiB) or more, in bytes",
  );
  yield* unless(
    "defragmentation.minFreePercent",
    options.minFreePercent,
    (percent) => Number.isInteger(percent) && percent >= 1 && percent <= 95,
    "is out of range; use a whole number from 1 to 95",
  );
  yield* unless(
    "defragmentation.window",
    options.window,
    isWindow,
    "is not a window of time; use two different times of the day in UTC, e.g. 01:00-04:30",
  );
  const { version } = subject.settings;
  if (!versionIsKnown(subject)) return;
  if (!atLeast(version, "3.4.0")) {
    yield `defragmentation: etcd ${version} does not say how much of its database is in use; use etcd 3.4 or later, or remove it and run etcdctl defrag by hand`;
  } else if (
    FIXED.some(([since, fixed]) => atLeast(version, since) && !atLeast(version, fixed) && isMinor(version, since))
  ) {
    yield `defragmentation: etcd ${version} can damage its data if it is defragmented while it receives a snapshot; use ${FIXED.map(([, fixed]) => fixed).join(", ")} or later, or remove it`;
  }
};

/** The versions that etcd's pull requests 20650, 20653 and 20659 came with. */
const FIXED = [
  ["3.4.0", "3.4.38"],
  ["3.5.0", "3.5.23"],
  ["3.6.0", "3.6.5"],
] as const;

const isMinor = (version: string, since: string) => version.startsWith(since.replace(/0$/, ""));

function isWindow(text: string): boolean {
  const times = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/;
  return times.test(text) && text.slice(0, 5) !== text.slice(6);
}
