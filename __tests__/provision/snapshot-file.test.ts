import { join } from "node:path";
import fs, { appendFileSync, writeFileSync } from "node:fs";
import { readSnapshotFile } from "../../src/provision/snapshot-file";
import { description, snapshot, writeSnapshot } from "../support/snapshot";
import { temporaryDirectory } from "../support/temporary-directory";

const directory = temporaryDirectory();
const file = (name: string) => join(directory, name);

test("a snapshot has its size, its digest, and the description beside it", () => {
  const read = readSnapshotFile(writeSnapshot(file("good.db"), { revision: 7 }));
  expect(read).toEqual({
    bytes: 1056,
    sha256: snapshot().subarray(-32).toString("hex"),
    description: description({ revision: 7 }),
  });
  expect(readSnapshotFile(writeSnapshot(file("alone.db"))).description).toBeUndefined();
});

test("a large snapshot is read piece by piece", () => {
  const large = snapshot("y".repeat(3 * 1024 ** 2 + 512));
  expect(readSnapshotFile(writeSnapshot(file("large.db"), undefined, large)).bytes).toBe(large.length);
});

test("another file under the same name is read again", () => {
  const path = writeSnapshot(file("changed.db"));
  const first = readSnapshotFile(path).sha256;
  writeFileSync(path, snapshot("z".repeat(2048)));
  expect(readSnapshotFile(path).sha256).not.toBe(first);
});

test.each([
  ["is missing", undefined, "does not exist"],
  [
    "is cut off",
    snapshot().subarray(0, 700),
    "has no digest: its size is 700 bytes, so it is cut off or not a snapshot",
  ],
  ["is empty", Buffer.alloc(0), "has no digest: its size is 0 bytes, so it is cut off or not a snapshot"],
  ["still grows, and has whole pages so far", Buffer.alloc(1024), "has no digest: its size is 1024 bytes"],
])("one that %s is refused", (name, content, reason) => {
  const path = file(`${name}.db`);
  if (content) writeFileSync(path, content);
  expect(() => readSnapshotFile(path)).toThrow(reason);
});

test("one to which somebody writes while it is read is refused, although what was read is whole", () => {
  const path = writeSnapshot(file("written.db"));
  const { readSync } = fs;
  const spy = jest.spyOn(fs, "readSync").mockImplementation(((...arguments_: Parameters<typeof readSync>) => {
    appendFileSync(path, "more");
    return readSync(...arguments_);
  }) as typeof readSync);
  try {
    expect(() => readSnapshotFile(path)).toThrow(/^is still being written$/);
  } finally {
    spy.mockRestore();
  }
});

test("a flipped bit in a value is noticed", () => {
  const content = snapshot();
  content[500] ^= 1;
  expect(() => readSnapshotFile(writeSnapshot(file("flipped.db"), undefined, content))).toThrow(
    /^is damaged: its SHA-256 is [0-9a-f]{64}, but etcd has appended [0-9a-f]{64}$/,
  );
});
