import { find, synthCluster } from "../support/synth";

const json = synthCluster();
const genesis = find(json, "null_resource.etcd_genesis_founders");

test("genesis records the founders of the first deploy and ignores later changes", () => {
  expect(genesis).toEqual({
    triggers: {
      founders:
        "etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380",
      membership: "${null_resource.etcd_membership.id}",
      reprovisions: "etcd-server-7-12=0,etcd-server-7-21=0,etcd-server-7-22=0",
    },
    lifecycle: { ignore_changes: ["triggers"] },
  });
});

test("bootstrap reads the founders and the token from genesis, not from the program", () => {
  for (const name of ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"]) {
    const [provisioner] = find(json, `null_resource.etcd_member_${name}_bootstrap`).provisioner ?? [];
    expect(provisioner["remote-exec"]?.inline.slice(2, 7)).toEqual([
      "FOUNDERS='${null_resource.etcd_genesis_founders.triggers.founders}'",
      "CLUSTER_TOKEN='${null_resource.etcd_genesis_founders.id}'",
      // A genesis that an earlier release recorded has neither of these two.
      `FOUNDING_MEMBERSHIP='\${lookup(null_resource.etcd_genesis_founders.triggers, "membership", "unknown")}'`,
      `FOUNDING_REPROVISIONS='\${lookup(null_resource.etcd_genesis_founders.triggers, "reprovisions", "unknown")}'`,
      "MEMBERSHIP='${null_resource.etcd_membership.id}'",
    ]);
  }
});

test("bootstrap has no triggers, so it runs once in a member's life, and again only when genesis is replaced by hand", () => {
  const bootstrap = find(json, "null_resource.etcd_member_etcd-server-7-12_bootstrap");
  expect(Object.keys(bootstrap).sort()).toEqual(["depends_on", "lifecycle", "provisioner"]);
  expect(bootstrap.lifecycle).toEqual({ replace_triggered_by: ["null_resource.etcd_genesis_founders"] });
});
