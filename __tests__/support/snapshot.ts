import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";

/** A snapshot as etcd sends one: pages, and their SHA-256. */
export function snapshot(pages = "x".repeat(1024)): Buffer {
  return Buffer.concat([Buffer.from(pages), createHash("sha256").update(pages).digest()]);
}

export interface FakeDescription {
  readonly cluster_id?: string;
  readonly version?: string;
  readonly revision?: number;
  readonly raft_index?: number;
  readonly time?: string;
  readonly unix_time?: number;
  readonly sha256?: string;
}

/** What a backup has beside its snapshot. */
export function description(values: FakeDescription = {}): string {
  const all = { cluster_id: "4d", version: "3.6.14", revision: 10, raft_index: 40, unix_time: 2000, ...values };
  return `${JSON.stringify(all, null, 2)}\n`;
}

/** Writes a snapshot and its description to this machine; returns its path. */
export function writeSnapshot(path: string, values?: FakeDescription, content = snapshot()): string {
  writeFileSync(path, content);
  if (values) writeFileSync(`${path}.json`, description(values));
  return path;
}
