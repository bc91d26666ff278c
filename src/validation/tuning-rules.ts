import { flagVersions } from "../release/flags";
import { atLeast } from "../release/version";
import { isCount, isGoDuration, isWholeNumber } from "./formats";
import { isKnown, type Rule, unless } from "./problem";
import { versionIsKnown } from "./version-rules";

const MIB = 1024 * 1024;

export const quota: Rule = function* ({ props }) {
  yield* unless(
    "quotaBackendBytes",
    props.quotaBackendBytes,
    (bytes) => Number.isInteger(bytes) && bytes >= MIB && bytes <= 8192 * MIB,
    "is out of range; use 1048576 (1 MiB) to 8589934592 (8 GiB), in bytes",
  );
};

/** etcd refuses to start with values outside these limits. */
export const intervals: Rule = function* ({ props }) {
  const { heartbeatInterval, electionTimeout } = props;
  const positive = (value: number) => Number.isInteger(value) && value > 0;
  yield* unless("heartbeatInterval", heartbeatInterval, positive, "is not a number of milliseconds; use e.g. 100");
  yield* unless(
    "electionTimeout",
    electionTimeout,
    (value) => positive(value) && value <= 50_000,
    "is out of range; use at most 50000, in milliseconds",
  );

  if (heartbeatInterval === undefined && electionTimeout === undefined) return;
  const heartbeat = heartbeatInterval ?? 100;
  const election = electionTimeout ?? 1000;
  if (isKnown(heartbeat) && isKnown(election) && positive(heartbeat) && election < 5 * heartbeat) {
    const origin = electionTimeout === undefined ? " (etcd's default)" : "";
    yield `electionTimeout: ${election}${origin} is less than five times heartbeatInterval (${heartbeat}); use ${5 * heartbeat} or more, preferably ${10 * heartbeat}`;
  }
};

export const autoCompaction: Rule = function* (subject) {
  const { version } = subject.settings;
  const isOld = versionIsKnown(subject) && !atLeast(version, "3.3.0");
  const { _mode: mode, _retention: retention } = subject.props.autoCompaction ?? {};
  if (mode === "revision") {
    yield* unless("autoCompaction", retention, isCount, "is not a number of revisions; use e.g. 1000");
    if (isOld) {
      const flag = "auto-compaction-mode";
      yield `autoCompaction: etcd ${version} has no --${flag} and would not start; the flag exists in ${flagVersions(flag)}: use AutoCompaction.periodic()`;
    }
  } else if (isOld) {
    yield* unless(
      "autoCompaction",
      retention,
      isHours,
      "is not a whole number of hours, and etcd before 3.3 accepts nothing else; use e.g. 12",
    );
  } else {
    yield* unless(
      "autoCompaction",
      retention,
      (text) => isHours(text) || isGoDuration(String(text)),
      "is neither a whole number of hours nor a Go duration; use e.g. 12 or 30m",
    );
  }
};

const isHours = (value: unknown) => isWholeNumber(String(value)) && isGoDuration(`${String(value)}h`);
