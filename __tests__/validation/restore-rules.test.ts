import { join } from "node:path";
import { Lazy } from "cdktf";
import { readSnapshotFile } from "../../src/provision/snapshot-file";
import { EtcdRestore, type EtcdClusterProps } from "../../src/settings";
import { validateProps } from "../../src/validation/validate-props";
import { RUNBOOK } from "../support/settings";
import { writeSnapshot } from "../support/snapshot";
import { temporaryDirectory } from "../support/temporary-directory";

const directory = temporaryDirectory();
const errors = (restore: EtcdRestore, props: Partial<EtcdClusterProps> = {}) =>
  validateProps({ ...RUNBOOK, restore, ...props }).errors;

test("a restore from a file, from a host and from a member have no problem", () => {
  const path = writeSnapshot(join(directory, "a-20261126T192613Z.db"), {});
  const options = { replacesCluster: "6da6e9be62cfd89d", discardsBackup: "a-20261126T192853Z.db", attempt: 1 };
  expect(errors(EtcdRestore.fromFile(path, options))).toEqual([]);
  expect(errors(EtcdRestore.fromFile(writeSnapshot(join(directory, "without-description.db"))))).toEqual([]);
  expect(errors(EtcdRestore.fromHost("etcd-server-7-21", "/data/etcd/backups/a.db"))).toEqual([]);
  expect(errors(EtcdRestore.fromMember("etcd-server-7-21", { transferPort: 12382 }))).toEqual([]);
});

test("a file that is missing says so, and what to do if the restore is done", () => {
  expect(errors(EtcdRestore.fromFile("no/such.db"))).toEqual([
    'restore.path: "no/such.db" does not exist; use a snapshot that is whole, or remove restore from the program if it is done',
  ]);
});

test("a description of another snapshot is refused, because it would be compared with the backups on the hosts", () => {
  const path = writeSnapshot(join(directory, "mixed-up.db"), { sha256: "0".repeat(64) });
  expect(errors(EtcdRestore.fromFile(path))).toEqual([
    expect.stringMatching(
      /^restore\.path: ".*" has the description of another snapshot beside it: .*mixed-up\.db\.json has the SHA-256 0{64}, and that of the snapshot is [0-9a-f]{64}; replace or remove that file; /,
    ),
  ]);
  const { sha256 } = readSnapshotFile(writeSnapshot(join(directory, "plain.db")));
  expect(errors(EtcdRestore.fromFile(writeSnapshot(join(directory, "right.db"), { sha256 })))).toEqual([]);
});

test.each([
  ["3.5.33", "3.6.14", undefined],
  ["3.6.14", "3.6.14", undefined],
  ["3.4.23", "3.6.14", "skips 3.5"],
  ["3.7.1", "3.6.14", "downgrades are not supported"],
])("a snapshot of etcd %s and a program with %s", (from, version, problem) => {
  const path = writeSnapshot(join(directory, `${from}.db`), { version: from });
  const found = errors(EtcdRestore.fromFile(path), { version });
  if (problem === undefined) expect(found).toEqual([]);
  else expect(found).toEqual([expect.stringMatching(new RegExp(`${problem}.*; restore with version "${from}"`))]);
});

test("all problems of the options come at once", () => {
  const restore = EtcdRestore.fromHost("nobody", "backups/a.db", {
    replacesCluster: "0x6DA6",
    discardsBackup: "/data/a.db",
    attempt: -1,
    transferPort: 2379,
  });
  expect(errors(restore)).toEqual([
    'restore.replacesCluster: "0x6DA6" is not a cluster ID; use 1 to 16 lower-case hexadecimal digits, e.g. 6da6e9be62cfd89d',
    'restore.discardsBackup: "/data/a.db" is not the name of a backup; use e.g. etcd-server-7-21-20261126T192853Z.db, without a directory',
    "restore.attempt: -1 is not a whole number; use 0 or more",
    'restore.member: "nobody" is not a member of this cluster; use one of etcd-server-7-12, etcd-server-7-21, etcd-server-7-22, or remove restore from the program if it is done',
    expect.stringMatching(/^restore\.path: "backups\/a\.db" is not a plain absolute path; /),
    "restore.transferPort: 2379 is not a free port; use 1 to 65535, but not 2380 or 2379",
  ]);
});

test("two names of backups are not one", () => {
  const discardsBackup = "a-20261126T192853Z.db\na-20261126T202853Z.db";
  expect(errors(EtcdRestore.fromMember("etcd-server-7-21", { discardsBackup }))).toEqual([
    expect.stringContaining("is not the name of a backup"),
  ]);
});

test("a token is refused, because the plan has to say what is restored", () => {
  expect(errors(EtcdRestore.fromFile(Lazy.stringValue({ produce: () => "a.db" })))).toEqual([
    "restore.path: a token is known only at apply; use a literal",
  ]);
});
