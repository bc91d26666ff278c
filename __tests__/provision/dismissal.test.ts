import { Resource } from "@cdktf/provider-null/lib/resource";
import { EtcdCluster } from "../../src/etcd-cluster";
import { RUNBOOK } from "../support/settings";
import {
  addresses,
  allDependencies,
  DISMISSAL_SCRIPTS,
  find,
  REMOVAL_SCRIPTS,
  synth,
  synthCluster,
} from "../support/synth";

const DISMISSAL = "terraform_data.etcd_dismissal";
const SHUTDOWN = "terraform_data.etcd_shutdown";
const NAMES = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];
const MACHINES = NAMES.map((name) => `null_resource.machine-${name}`);

/** Three machines and a cluster on them, in one stack. */
const json = synth((stack) => {
  const members = RUNBOOK.members.map((member) => ({
    ...member,
    machine: new Resource(stack, `machine-${member.name}`).id,
  }));
  new EtcdCluster(stack, "etcd", { ...RUNBOOK, members, machinesInStack: true });
});
const dismissal = find(json, DISMISSAL);

test("no resource but the CA has create_before_destroy, and the CA depends on no machine", () => {
  const spreading = addresses(json).filter((address) =>
    JSON.stringify(find(json, address).lifecycle ?? "").includes("create_before_destroy"),
  );
  expect(spreading).toEqual(["tls_self_signed_cert.etcd_ca_cert"]);
  expect(allDependencies(json, spreading[0])).toEqual(["tls_private_key.etcd_ca_key"]);
});

test("a dismissal depends on all machines through all preflights, so Terraform destroys none before all dismissals have succeeded", () => {
  expect(dismissal.depends_on).toEqual(NAMES.map((name) => `null_resource.etcd_member_${name}_preflight`));
  expect(allDependencies(json, DISMISSAL)).toEqual(expect.arrayContaining(MACHINES));
});

test("another machine replaces the dismissal of its member, which runs on the host of the next member and keeps the machine if it fails", () => {
  expect(dismissal.triggers_replace).toBe("${each.value.machine}");
  expect(dismissal.for_each?.[NAMES[2]]).toMatchObject({
    member: NAMES[0],
    ssh_host: "10.4.7.12",
    client_url: "https://10.4.7.12:2379",
    endpoints: "https://10.4.7.12:2379,https://10.4.7.21:2379",
    leaver: NAMES[2],
    leaver_url: "https://10.4.7.22:2380",
    machine: `\${${MACHINES[2]}.id}`,
  });
  const [provisioner] = dismissal.provisioner ?? [];
  expect(provisioner["remote-exec"]).toMatchObject({ when: "destroy", on_failure: "fail" });
  expect(provisioner["remote-exec"]?.inline.slice(2)).toEqual([DISMISSAL_SCRIPTS, 'main dismiss 300 "$@"']);
});

test("what a dismissal runs refers only to itself", () => {
  const references = [...JSON.stringify(dismissal.provisioner).matchAll(/(?<!\$)\$\{(.*?)\}/g)].map(([, text]) => text);
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) {
    expect(reference.replace(/self\.(id|input\.[a-z_]+)/g, "")).not.toMatch(/\w\.\w/);
  }
});

test("a member that was dismissed is staged and rolled out again", () => {
  for (const name of NAMES) {
    const id = `\${${DISMISSAL}["${name}"].id}`;
    expect(find(json, `null_resource.etcd_member_${name}_stage`).triggers?.owner).toBe(id);
    expect(find(json, `null_resource.etcd_member_${name}_rollout`).triggers?.dismissal).toBe(id);
  }
});

test("the shutdown belongs to the cluster, and runs before the dismissals when everything is destroyed", () => {
  const shutdown = find(json, SHUTDOWN);
  expect(shutdown.depends_on).toEqual([DISMISSAL]);
  expect(Object.keys(shutdown.for_each ?? {})).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  expect(shutdown.for_each?.["3"]).toMatchObject({ member: NAMES[0], owner: `\${${DISMISSAL}["${NAMES[0]}"].id}` });
  expect(shutdown.provisioner?.[0]["remote-exec"]?.inline.slice(2)).toEqual([
    REMOVAL_SCRIPTS,
    'main shutdown 120 "$@"',
  ]);
});

test("what the other clusters of a stack have left is stopped after this one is healthy, too: it may have been one of them before", () => {
  const both = synth((stack) => {
    new EtcdCluster(stack, "other", { ...RUNBOOK, members: [{ name: "o", address: "10.4.7.31" }] });
    const members = RUNBOOK.members.map((member) => ({ ...member, machine: member.name }));
    new EtcdCluster(stack, "etcd", { ...RUNBOOK, members, machinesInStack: true });
  });
  expect(find(both, "terraform_data.etcd-shutdown_seal")).toEqual({
    input: ["etcd/other"],
    depends_on: ["terraform_data.etcd-shutdown_members", "null_resource.other_health", "null_resource.etcd_health"],
  });
});

test("the shutdown that the clusters of a stack share has no part in it, so a program may change from one kind to the other and stops nothing", () => {
  expect(addresses(json).filter((address) => /decommission|etcd-shutdown/.test(address))).toEqual([]);
  expect(addresses(synthCluster()).filter((address) => [DISMISSAL, SHUTDOWN].includes(address))).toEqual([]);
});
