import { AutoCompaction, BackupRetention, EtcdRelease, EtcdRestore, SshKey } from "../../src";

/** What a variable of the environment is that is not set. */
const unset = undefined as unknown as string;

test.each<[name: string, make: () => unknown]>([
  ["SshKey.file(path)", () => SshKey.file(unset)],
  ["SshKey.pem(text)", () => SshKey.pem(unset)],
  ["AutoCompaction.periodic(retention)", () => AutoCompaction.periodic(unset)],
  ["AutoCompaction.revision(count)", () => AutoCompaction.revision(undefined as unknown as number)],
  ["BackupRetention.last(count)", () => BackupRetention.last(undefined as unknown as number)],
  ["EtcdRestore.fromFile(path)", () => EtcdRestore.fromFile(unset)],
  ["EtcdRestore.fromHost(member)", () => EtcdRestore.fromHost(unset, "/data/etcd.db")],
  ["EtcdRestore.fromHost(path)", () => EtcdRestore.fromHost("etcd-1", unset)],
  ["EtcdRestore.fromMember(member)", () => EtcdRestore.fromMember(unset)],
  ["EtcdRelease.mirror(url)", () => EtcdRelease.mirror(unset)],
  ["EtcdRelease.localArchive(path)", () => EtcdRelease.localArchive(unset)],
])("%s does not stand for something else without its argument", (name, make) => {
  expect(make).toThrow(`${name}: is missing; set it`);
});
