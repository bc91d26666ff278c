import { basename } from "node:path";
import type { RestoreSettings } from "../settings";
import { readSnapshotFile, type SnapshotFile } from "./snapshot-file";

/** The version of etcd that a snapshot is of, as its description says. */
export function describedVersion({ description }: SnapshotFile): string | undefined {
  return /^ *"version": "(\d+\.\d+\.\d+)",?$/m.exec(description ?? "")?.[1];
}

/**
 * One line that says what is restored. When it changes, another restore is done: it has the digest of a snapshot on the
 * operator's machine, so that another file under the same name is another restore.
 */
export function restoreIdentity({ source, attempt }: RestoreSettings): string {
  return `${sourceIdentity(source)}${attempt > 0 ? `, attempt ${attempt}` : ""}`;
}

function sourceIdentity({ member, path }: RestoreSettings["source"]): string {
  if (path === undefined) return `the data of ${member}`;
  return member === undefined
    ? `${basename(path)}, sha256 ${readSnapshotFile(path).sha256}`
    : `${path} on the host of ${member}`;
}

/** The facts of a restore for the host scripts. */
export function restoreFacts(restore: RestoreSettings): { [fact: string]: string } {
  const { source, replacesCluster = "", discardsBackup = "", transferPort } = restore;
  const file = source.member === undefined ? readSnapshotFile(source.path ?? "") : undefined;
  return {
    RESTORE: restoreIdentity(restore),
    RESTORE_MEMBER: source.member ?? "",
    RESTORE_PATH: source.member === undefined ? "" : (source.path ?? ""),
    RESTORE_PORT: String(transferPort),
    RESTORE_BYTES: String(file?.bytes ?? ""),
    // What a backup says about itself may contain any text.
    RESTORE_JSON_BASE64: Buffer.from(file?.description ?? "").toString("base64"),
    REPLACES_CLUSTER: replacesCluster,
    DISCARDS_BACKUP: discardsBackup,
  };
}
