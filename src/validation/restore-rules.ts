import { Token } from "cdktf";
import { describedVersion } from "../provision/restore-facts";
import { readSnapshotFile } from "../provision/snapshot-file";
import { supportedUpgrade } from "../release/upgrade";
import { isCount, isPlainPath, isPort, NOT_A_PLAIN_PATH } from "./formats";
import { isKnown, type Rule, unless } from "./problem";
import { portsOf } from "./shared-hosts";

export const restore: Rule = function* ({ settings }) {
  if (settings.restore === undefined) return;
  const { source, replacesCluster, discardsBackup, attempt, transferPort } = settings.restore;
  const literals = { path: source.path, member: source.member, replacesCluster, discardsBackup, attempt, transferPort };
  for (const [prop, value] of Object.entries(literals)) {
    if (Token.isUnresolved(value)) yield `restore.${prop}: a token is known only at apply; use a literal`;
  }
  yield* unless(
    "restore.replacesCluster",
    replacesCluster,
    (id) => /^[0-9a-f]{1,16}$/.test(id),
    "is not a cluster ID; use 1 to 16 lower-case hexadecimal digits, e.g. 6da6e9be62cfd89d",
  );
  yield* unless(
    "restore.discardsBackup",
    discardsBackup,
    (name) => /^[^/\s]*-\d{8}T\d{6}Z\.db$/.test(name),
    "is not the name of a backup; use e.g. etcd-server-7-21-20261126T192853Z.db, without a directory",
  );
  yield* unless("restore.attempt", attempt, isCount, "is not a whole number; use 0 or more");
  if (source.member === undefined) {
    yield* fileProblems(source.path ?? "", settings.version);
    return;
  }
  const names = settings.members.map(({ name }) => name);
  yield* unless(
    "restore.member",
    source.member,
    (name) => names.includes(name),
    `is not a member of this cluster; use one of ${names.join(", ")}, or remove restore from the program if it is done`,
  );
  yield* unless("restore.path", source.path, isPlainPath, NOT_A_PLAIN_PATH);
  const taken = portsOf({ ...settings, restore: undefined });
  yield* unless(
    "restore.transferPort",
    transferPort,
    (port) => isPort(port) && !taken.includes(port),
    `is not a free port; use 1 to 65535, but not ${taken.join(" or ")}`,
  );
};

function* fileProblems(path: string, version: string): Iterable<string> {
  if (!isKnown(path)) return;
  try {
    const from = describedVersion(readSnapshotFile(path));
    const { reason } =
      from === undefined || !isKnown(version) ? { reason: undefined } : supportedUpgrade(from, version);
    if (reason !== undefined) {
      yield `restore.path: "${path}" is of etcd ${from}, and the program has version "${version}": ${reason}; restore with version "${from}", and upgrade after that, or remove restore from the program if it is done`;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    yield `restore.path: "${path}" ${reason}; use a snapshot that is whole, or remove restore from the program if it is done`;
  }
}
