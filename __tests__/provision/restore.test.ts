import { join } from "node:path";
import { EtcdCluster } from "../../src/etcd-cluster";
import { EtcdRestore } from "../../src/settings";
import { RUNBOOK } from "../support/settings";
import { writeSnapshot } from "../support/snapshot";
import { find, type StackJson, synth } from "../support/synth";
import { temporaryDirectory } from "../support/temporary-directory";

const path = writeSnapshot(join(temporaryDirectory(), "a-20261126T192613Z.db"), {});
const withRestore = (restore?: EtcdRestore) =>
  synth((stack) => {
    new EtcdCluster(stack, "etcd", { ...RUNBOOK, restore });
  });

const MEMBERS = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];
const addresses = (phase: string) => MEMBERS.map((name) => `null_resource.etcd_member_${name}_${phase}`);
const genesisOf = (json: StackJson) => find(json, "null_resource.etcd_genesis_founders");
const dependencies = (json: StackJson, address: string) => find(json, address).depends_on ?? [];

describe("a restore from a file", () => {
  const json = withRestore(EtcdRestore.fromFile(path));
  const identity = genesisOf(json).triggers?.restore;

  test("replaces genesis, whose other triggers are still what they were at the founding", () => {
    expect(identity).toMatch(/^a-20261126T192613Z\.db, sha256 [0-9a-f]{64}$/);
    expect(genesisOf(json).lifecycle).toEqual({
      ignore_changes: ["founders", "membership", "reprovisions", "restored_at"].map((name) => `triggers["${name}"]`),
    });
  });

  test("makes the data on all hosts before anything is stopped, and compares all members before any client is let in", () => {
    expect(dependencies(json, addresses("restore")[0])).toEqual(expect.arrayContaining(addresses("stage")));
    expect(dependencies(json, addresses("ready")[0])).toEqual(addresses("restore"));
    expect(dependencies(json, addresses("bootstrap")[0])).toEqual(expect.arrayContaining(addresses("ready")));
    const [first, second, third] = addresses("admit");
    expect(dependencies(json, first)).toEqual(addresses("bootstrap"));
    expect([dependencies(json, second), dependencies(json, third)]).toEqual([[first], [second]]);
    expect(dependencies(json, addresses("rollout")[0])).toEqual([third]);
  });

  test("says in the plan what will happen to whom, and uploads the file to each host", () => {
    const restore = find(json, addresses("restore")[1]);
    expect(restore.triggers).toEqual({
      restore: identity,
      effect:
        "stops etcd-server-7-21 on hdss7-21, moves its data aside, and starts it in a new cluster with the data of the snapshot",
    });
    expect(restore.provisioner?.[1].file).toMatchObject({
      destination: "/root/.cdktf-etcd/etcd-server-7-21/snapshot.db",
      source: path,
    });
  });

  test("runs every phase again, because the hosts may be new machines", () => {
    for (const phase of ["preflight", "stage", "rollout", "admit"]) {
      expect(find(json, addresses(phase)[0]).triggers).toMatchObject({ restore: identity });
    }
  });

  test("is done from the start if it is taken out of the program and put back", () => {
    expect(genesisOf(json).triggers?.restoration).toBe("${null_resource.etcd_genesis_restoration.id}");
    expect(find(json, "null_resource.etcd_genesis_restoration").triggers).toEqual({ restore: identity });
  });

  test("is another restore if the attempt or the content of the file is another one", () => {
    const again = withRestore(EtcdRestore.fromFile(path, { attempt: 1 }));
    expect(genesisOf(again).triggers?.restore).toBe(`${identity}, attempt 1`);
  });
});

test("a snapshot on a host is offered by that host, and all hosts wait for it", () => {
  const json = withRestore(EtcdRestore.fromHost("etcd-server-7-21", "/backups/a.db"));
  const offer = "null_resource.etcd_member_etcd-server-7-21_offer";
  expect(find(json, offer).triggers).toEqual({ restore: "/backups/a.db on the host of etcd-server-7-21" });
  for (const address of addresses("restore")) {
    expect(dependencies(json, address)).toContain(offer);
    expect(find(json, address).provisioner).toHaveLength(1);
  }
});

test("what a member has is restored under its name", () => {
  const json = withRestore(EtcdRestore.fromMember("etcd-server-7-12"));
  expect(genesisOf(json).triggers?.restore).toBe("the data of etcd-server-7-12");
});

test("without a restore, the program has none of its resources and facts, and genesis ignores every change", () => {
  const json = withRestore();
  expect(Object.keys(json.resource.null_resource).filter((name) => /restore|admit|offer/.test(name))).toEqual([]);
  expect(genesisOf(json).lifecycle).toEqual({ ignore_changes: ["triggers"] });
  expect(JSON.stringify(json.locals)).not.toContain("RESTORE");
});
