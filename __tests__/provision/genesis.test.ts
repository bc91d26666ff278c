import { find, synthCluster } from "../support/synth";

const json = synthCluster();
const genesis = find(json, "null_resource.etcd_genesis_founders");

test("genesis remembers the founders of the first deploy, and forgets nothing later", () => {
  expect(genesis).toEqual({
    triggers: {
      founders:
        "etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380",
    },
    lifecycle: { ignore_changes: ["triggers"] },
  });
});

test("bootstrap reads founders and token back from genesis, not from the program", () => {
  for (const name of ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"]) {
    const [provisioner] = find(json, `null_resource.etcd_member_${name}_bootstrap`).provisioner ?? [];
    expect(provisioner["remote-exec"]?.inline.slice(2, 4)).toEqual([
      "FOUNDERS='${null_resource.etcd_genesis_founders.triggers.founders}'",
      "CLUSTER_TOKEN='${null_resource.etcd_genesis_founders.id}'",
    ]);
  }
});

test("bootstrap has no triggers, so it runs once in a member's life", () => {
  const bootstrap = find(json, "null_resource.etcd_member_etcd-server-7-12_bootstrap");
  expect(Object.keys(bootstrap).sort()).toEqual(["depends_on", "provisioner"]);
});
