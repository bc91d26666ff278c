import { Token } from "cdktf";
import { durationSeconds } from "../settings/duration";
import { isCount, isGoDuration, isPlainPath, NOT_A_PLAIN_PATH } from "./formats";
import { forbidden, notOverlapping, notShared } from "./host-rules";
import { isKnown, type Rule, unless } from "./problem";
import { directoriesOf, isInVersion } from "./shared-hosts";

const HOUR_SECONDS = 3600;

export const backups: Rule = function* ({ props, settings }) {
  if (props.backups === undefined || settings.backups === undefined) return;
  const { every, afterEach } = props.backups._options;
  const { keep, maxBytes } = settings.backups;
  const literals = { every, "afterEach.timeout": afterEach?.timeout, "afterEach.command": afterEach?.command };
  for (const [prop, value] of Object.entries({
    ...literals,
    keep: Object.values(keep._ages),
    "keep.last": keep._last,
  })) {
    if (Token.isUnresolved(value)) yield `backups.${prop}: a token is known only at apply; use a literal`;
  }
  yield* unless("backups.every", every, isInterval, "is not a Go duration from 1m to 168h; use e.g. 1h");
  yield* unless(
    "backups.afterEach.timeout",
    afterEach?.timeout,
    (text) => isGoDuration(text) && durationSeconds(text) >= 1,
    "is not a Go duration of a second or more; use e.g. 15m",
  );
  yield* unless("backups.afterEach.command", afterEach?.command, (text) => /\S/.test(text), "is empty; set a command");
  for (const [age, count] of Object.entries(keep._ages)) {
    yield* unless(`backups.keep.${age}`, count, isCount, "is not a whole number; use 0 or more");
  }
  yield* unless("backups.keep", keep._last, (count) => isCount(count) && count > 0, "keeps no backup; use 1 or more");
  yield* unless(
    "backups.maxBytes",
    maxBytes,
    (bytes) => Number.isInteger(bytes) && bytes >= 1024 ** 2,
    "is out of range; use 1048576 (1 MiB) or more, in bytes",
  );
};

export const backupPaths: Rule = function* ({ settings }) {
  if (settings.backups === undefined) return;
  const { directory, textfileDirectory } = settings.backups;
  yield* unless("backups.directory", directory, isPlainPath, NOT_A_PLAIN_PATH);
  yield* unless("backups.textfileDirectory", textfileDirectory, isPlainPath, NOT_A_PLAIN_PATH);
  if (!isKnown(directory)) return;
  yield* notShared("backups.directory", directory);
  const reason = forbidden(directory);
  if (reason !== undefined)
    yield `backups.directory: "${directory}" ${reason}; use a directory elsewhere, e.g. /data/backups`;
  for (const [prop, path] of Object.entries(directoriesOf({ ...settings, backups: undefined }))) {
    yield* notOverlapping("backups.directory", directory, prop, path);
  }
  if (isKnown(settings.installRoot) && isInVersion(directory, settings)) {
    yield `backups.directory: "${directory}" is in a directory of etcd's binaries, which a removal deletes; use a directory elsewhere, e.g. /data/backups`;
  }
};

function isInterval(text: string): boolean {
  const seconds = isGoDuration(text) ? durationSeconds(text) : 0;
  return seconds >= 60 && seconds <= 168 * HOUR_SECONDS;
}
