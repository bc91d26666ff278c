import { flagVersions } from "../release/flags";
import { atLeast } from "../release/version";
import { isGoDuration, isWholeNumber } from "./formats";
import { isKnown, type Rule, unless } from "./problem";
import { versionIsKnown } from "./version-rules";

const MIB = 1024 * 1024;

export const quota: Rule = function* ({ props }) {
  yield* unless(
    "quotaBackendBytes",
    props.quotaBackendBytes,
    (bytes) => Number.isInteger(bytes) && bytes >= MIB && bytes <= 8192 * MIB,
    "is out of bounds; give bytes, 1048576 (1 MiB) to 8589934592 (8 GiB)",
  );
};

/** etcd itself refuses to start outside of these. */
export const intervals: Rule = function* ({ props }) {
  const { heartbeatInterval, electionTimeout } = props;
  const positive = (value: number) => Number.isInteger(value) && value > 0;
  yield* unless("heartbeatInterval", heartbeatInterval, positive, "is not a number of milliseconds; give e.g. 100");
  yield* unless(
    "electionTimeout",
    electionTimeout,
    (value) => positive(value) && value <= 50_000,
    "is out of bounds; give milliseconds, at most 50000",
  );

  if (heartbeatInterval === undefined && electionTimeout === undefined) return;
  const heartbeat = heartbeatInterval ?? 100;
  const election = electionTimeout ?? 1000;
  if (isKnown(heartbeat) && isKnown(election) && positive(heartbeat) && election < 5 * heartbeat) {
    const origin = electionTimeout === undefined ? " (etcd's default)" : "";
    yield `electionTimeout: ${election}${origin} is less than five times heartbeatInterval (${heartbeat}); give ${5 * heartbeat} or more, best ${10 * heartbeat}`;
  }
};

export const autoCompaction: Rule = function* (subject) {
  const { version } = subject.settings;
  const isOld = versionIsKnown(subject) && !atLeast(version, "3.3.0");
  const { _mode: mode, _retention: retention } = subject.props.autoCompaction ?? {};
  if (mode === "revision") {
    yield* unless("autoCompaction", retention, isCount, "is not a number of revisions; give e.g. 1000");
    if (isOld) {
      const flag = "auto-compaction-mode";
      yield `autoCompaction: etcd ${version} has no --${flag} and would not start; it exists in ${flagVersions(flag)}: give AutoCompaction.periodic()`;
    }
  } else if (isOld) {
    yield* unless(
      "autoCompaction",
      retention,
      isHours,
      "is not whole hours, and etcd before 3.3 takes nothing else; give e.g. 12",
    );
  } else {
    yield* unless(
      "autoCompaction",
      retention,
      (text) => isHours(text) || isGoDuration(String(text)),
      "is neither hours nor a Go duration; give e.g. 12 or 30m",
    );
  }
};

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isHours = (value: unknown) => isWholeNumber(String(value));
