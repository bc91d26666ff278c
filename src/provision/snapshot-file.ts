import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";

/** etcd appends the SHA-256 of a snapshot to it. The rest of it are pages, whose size is a multiple of 512 bytes. */
const DIGEST_BYTES = 32;
const PAGE_BYTES = 512;

/** A snapshot on the operator's machine. */
export interface SnapshotFile {
  readonly bytes: number;
  /** The SHA-256 that etcd has appended, in hexadecimal. */
  readonly sha256: string;
  /** What a backup has beside the snapshot, as JSON. */
  readonly description?: string;
}

/**
 * Reads a snapshot, and verifies its digest. A file that was read before, and has not changed since, is not read again.
 *
 * @param path Path as the operator has written it: relative to the project's directory, or with a `~` at its start.
 * @throws Error that says in a few words what is wrong with the file.
 */
export function readSnapshotFile(path: string): SnapshotFile {
  const absolute = resolve(path.replace(/^~(?=\/)/, homedir()));
  const status = statusOf(absolute);
  const key = `${absolute} ${lastWrite(status)}`;
  const snapshot = known.get(key) ?? read(absolute, status);
  known.set(key, snapshot);
  return snapshot;
}

const known = new Map<string, SnapshotFile>();

/** Changes with each write to the file, and if another file takes its place. */
const lastWrite = ({ ino, size, mtimeMs }: Stats) => `${ino} ${size} ${mtimeMs}`;

function read(path: string, before: Stats): SnapshotFile {
  const bytes = before.size;
  if (bytes % PAGE_BYTES !== DIGEST_BYTES) {
    throw new Error(`has no digest: its size is ${bytes} bytes, so it is cut off or not a snapshot`);
  }
  const { actual, appended } = digestsOf(path, bytes);
  // What was read may be whole, and what Terraform uploads later is another file.
  if (lastWrite(statusOf(path)) !== lastWrite(before)) throw new Error("is still being written");
  if (actual !== appended) throw new Error(`is damaged: its SHA-256 is ${actual}, but etcd has appended ${appended}`);
  return { bytes, sha256: appended, description: descriptionOf(path, appended) };
}

function statusOf(path: string): Stats {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new Error("does not exist");
  if (!status.isFile()) throw new Error("is not a file");
  return status;
}

/** Reads the file piece by piece, because it may have gigabytes. */
function digestsOf(path: string, bytes: number): { actual: string; appended: string } {
  const file = openSync(path, "r");
  try {
    const hash = createHash("sha256");
    const piece = Buffer.alloc(1024 ** 2);
    for (let position = 0; position < bytes - DIGEST_BYTES;) {
      const read = readSync(file, piece, 0, Math.min(piece.length, bytes - DIGEST_BYTES - position), position);
      if (read === 0) throw new Error("has become shorter while it was read");
      hash.update(piece.subarray(0, read));
      position += read;
    }
    const appended = Buffer.alloc(DIGEST_BYTES);
    readSync(file, appended, 0, DIGEST_BYTES, bytes - DIGEST_BYTES);
    return { actual: hash.digest("hex"), appended: appended.toString("hex") };
  } finally {
    closeSync(file);
  }
}

/**
 * Read leniently: a snapshot can be restored without it. But it must not be that of another snapshot, because what is
 * compared with the backups on the hosts is the description.
 */
function descriptionOf(path: string, sha256: string): string | undefined {
  const file = `${path}.json`;
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
  const description = readFileSync(file, "utf8");
  const described = /^ *"sha256": "([0-9a-f]*)",?$/m.exec(description)?.[1] ?? sha256;
  if (described !== sha256) {
    throw new Error(
      `has the description of another snapshot beside it: ${file} has the SHA-256 ${described}, and that of the snapshot is ${sha256}; replace or remove that file`,
    );
  }
  return description;
}
