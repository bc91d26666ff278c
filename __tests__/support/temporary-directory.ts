import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Creates an empty directory that is removed after the test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "cdktf-etcd-test-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  return directory;
}
