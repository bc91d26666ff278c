import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let made: Buffer | undefined;

/** A release archive with the layout of etcd's own: one directory contains everything. It is made only once. */
export function testArchive(): Buffer {
  made ??= changedArchive(() => {});
  return made;
}

/** The same with other contents: `change` gets the directory that is packed. */
export function changedArchive(change: (directory: string) => void): Buffer {
  const parent = mkdtempSync(join(tmpdir(), "cdktf-etcd-archive-"));
  const name = "etcd-v3.6.14-linux-amd64";
  mkdirSync(join(parent, name, "Documentation"), { recursive: true });
  for (const program of ["etcd", "etcdctl"])
    writeFileSync(join(parent, name, program), "#!/bin/sh\necho etcd Version: 3.6.14\n", { mode: 0o755 });
  // This file is big and hard to compress, so that half an archive ends inside it.
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * i) >> 3));
  writeFileSync(join(parent, name, "Documentation", "big"), noise);
  change(join(parent, name));
  execFileSync("tar", ["-czf", "archive.tar.gz", name], { cwd: parent });
  const archive = readFileSync(join(parent, "archive.tar.gz"));
  rmSync(parent, { recursive: true });
  return archive;
}

export function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
