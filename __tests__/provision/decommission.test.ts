import { Construct } from "constructs";
import { EtcdCluster } from "../../src/etcd-cluster";
import { RemovalPolicy } from "../../src/settings";
import { Shutdown } from "../../src/provision/shutdown";
import { RUNBOOK } from "../support/settings";
import { allDependencies, find, REMOVAL_SCRIPTS, synth, synthCluster } from "../support/synth";

const ADDRESS = "terraform_data.etcd_decommission";
const json = synthCluster();
const decommission = find(json, ADDRESS);
const SHUTDOWN = "terraform_data.etcd-shutdown_members";
const shutdown = find(json, SHUTDOWN);

test("decommission is one resource with a key for each member, so that removing a key stops only that member", () => {
  expect(Object.keys(decommission.for_each ?? {})).toEqual([
    "etcd-server-7-12",
    "etcd-server-7-21",
    "etcd-server-7-22",
  ]);
  expect(decommission.for_each?.["etcd-server-7-12"]).toEqual({
    cluster: "etcd/etcd",
    member: "etcd-server-7-12",
    host: "hdss7-12",
    peer_url: "https://10.4.7.12:2380",
    client_url: "https://10.4.7.12:2379",
    endpoints: "https://10.4.7.12:2379",
    version: "3.6.14",
    install_root: "/opt",
    data_dir: "/data/etcd/etcd-server",
    log_dir: "/data/logs/etcd-server",
    supervisor_ini: "etcd-server",
    removal_policy: "retain",
    ssh_host: "10.4.7.12",
    port: "22",
    user: "root",
    private_key_file: "~/.ssh/id_ed25519",
    agent: "false",
    host_key: "",
    timeout: "1m",
    script_path: "/root/.cdktf-etcd-%RAND%.sh",
    bastion_host: "",
    bastion_port: "",
    bastion_user: "",
    bastion_private_key_file: "",
  });
});

test("nothing ever replaces the decommission, because what it remembers is its input, which is updated in place", () => {
  expect(decommission.input).toBe("${each.value}");
  expect(Object.keys(decommission).sort()).toEqual(["depends_on", "for_each", "input", "provisioner"]);
});

test("the decommission remembers the removal policy, because the program no longer has the member when it runs", () => {
  const { for_each } = find(synthCluster({ removalPolicy: RemovalPolicy.DESTROY }), ADDRESS);
  expect(Object.values(for_each ?? {}).map((values) => values.removal_policy)).toEqual([
    "destroy",
    "destroy",
    "destroy",
  ]);
});

test("the decommission refers only to itself, and only it and the shutdown run at destroy time", () => {
  expect(JSON.stringify(json.resource).match(/"when":/g)).toHaveLength(1 + 1);
  expect(decommission.provisioner).toHaveLength(1);
  const exec = decommission.provisioner?.[0]["remote-exec"];
  expect(exec?.when).toBe("destroy");
  const references = [...JSON.stringify(exec).matchAll(/(?<!\$)\$\{(.*?)\}/g)].map(([, expression]) => expression);
  expect(references).toHaveLength(12 + 1 + 12);
  for (const expression of references)
    expect(expression.replace(/self\.(id|input\.[a-z_]+)/g, "")).not.toMatch(/\w\.\w/);
  // It waits for other resources but refers to none of them, so that their changes never affect what it runs.
  const { depends_on, ...body } = decommission;
  expect(depends_on).toHaveLength(3);
  const alone = { ...json, resource: { ...json.resource, terraform_data: { etcd_decommission: body } } };
  expect(allDependencies(alone, ADDRESS)).toEqual([]);
});

test("the decommission waits for all preflights, so it never records a refused member, and for no file, because the membership depends on it", () => {
  expect(decommission.depends_on).toEqual([
    "null_resource.etcd_member_etcd-server-7-12_preflight",
    "null_resource.etcd_member_etcd-server-7-21_preflight",
    "null_resource.etcd_member_etcd-server-7-22_preflight",
  ]);
  const all = allDependencies(json, ADDRESS);
  expect(all.filter((address) => address.startsWith("local_"))).toEqual([]);
  // After a destroy that failed halfway, wiped hosts must not found a cluster under the token of another host's data.
  expect(all).not.toContain("null_resource.etcd_genesis_founders");
  // A destroy that fails halfway must not lose the CA.
  expect(all).toEqual(expect.arrayContaining(["tls_private_key.etcd_ca_key", "tls_self_signed_cert.etcd_ca_cert"]));
});

test("the decommission runs its phase with what it remembers, and its text contains the scripts themselves", () => {
  expect(decommission.provisioner?.[0]["remote-exec"]?.inline).toEqual([
    "set -eu",
    `CLUSTER='\${self.input.cluster}'
MEMBER='\${self.input.member}'
HOST='\${self.input.host}'
PEER_URL='\${self.input.peer_url}'
CLIENT_URL='\${self.input.client_url}'
ENDPOINTS='\${self.input.endpoints}'
VERSION='\${self.input.version}'
INSTALL_ROOT='\${self.input.install_root}'
DATA_DIR='\${self.input.data_dir}'
LOG_DIR='\${self.input.log_dir}'
SUPERVISOR_INI='\${self.input.supervisor_ini}'
REMOVAL_POLICY='\${self.input.removal_policy}'
OWNER='\${self.id}'`,
    REMOVAL_SCRIPTS,
    'main decommission 120 "$@"',
  ]);
});

test("the stage tells the host which Terraform state owns the member, and runs again when that changes", () => {
  const owner = `\${${ADDRESS}["etcd-server-7-12"].id}`;
  const stage = find(json, "null_resource.etcd_member_etcd-server-7-12_stage");
  expect(stage.triggers?.owner).toBe(owner);
  expect(JSON.stringify(stage.provisioner)).toContain(JSON.stringify(`OWNER='${owner}'`).slice(1, -1));
});

test("every remembered value is used at destroy time", () => {
  const text = JSON.stringify(decommission.provisioner);
  const unused = Object.keys(decommission.for_each?.["etcd-server-7-12"] ?? {}).filter(
    (key) => !text.includes(`self.input.${key}`),
  );
  expect(unused).toEqual([]);
});

test("removing a member removes its key and changes no other key", () => {
  const two = find(synthCluster({ members: RUNBOOK.members.slice(0, 2) }), ADDRESS);
  const { "etcd-server-7-22": left, ...rest } = decommission.for_each ?? {};
  expect(left).toBeDefined();
  expect(two.for_each).toEqual(rest);
});

test("a host that does not answer is ignored when its member leaves the program, but fails the shutdown of a whole cluster", () => {
  expect(decommission.provisioner?.[0]["remote-exec"]).toMatchObject({ when: "destroy", on_failure: "continue" });
  expect(shutdown.provisioner?.[0]["remote-exec"]).toMatchObject({ when: "destroy", on_failure: "fail" });
});

test("the shutdown always has seven keys for a cluster, at least one for each member, so that keys come and go only with the cluster", () => {
  const members = (json: ReturnType<typeof synthCluster>) =>
    Object.entries(find(json, SHUTDOWN).for_each ?? {}).map(([key, { member }]) => `${key} ${member.slice(-4)}`);
  expect(members(json)).toEqual([
    "etcd/0 7-12",
    "etcd/1 7-21",
    "etcd/2 7-22",
    "etcd/3 7-12",
    "etcd/4 7-21",
    "etcd/5 7-22",
    "etcd/6 7-12",
  ]);
  const two = synthCluster({ members: RUNBOOK.members.slice(0, 2) });
  expect(members(two)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `etcd/${i} ${["7-12", "7-21"][i % 2]}`));
});

test("the keys of a cluster contain its id, including the ids of its scopes", () => {
  const nested = synth((stack) => new EtcdCluster(new Construct(stack, "region"), "etcd", RUNBOOK));
  expect(Object.keys(find(nested, SHUTDOWN).for_each ?? {})[0]).toBe("region/etcd/0");
  expect(find(nested, SHUTDOWN).for_each?.["region/etcd/0"].cluster).toBe("etcd/region/etcd");
});

test("a stack without a cluster can keep the shutdown, so that the members of its last cluster are stopped", () => {
  const kept = find(
    synth((stack) => Shutdown.of(stack)),
    SHUTDOWN,
  );
  expect({ ...kept, provisioner: shutdown.provisioner }).toEqual({ ...shutdown, for_each: {}, depends_on: [] });
});

test("the shutdown remembers the same as the decommission and runs its own phase; nothing ever replaces it, and replacing it by hand runs nothing", () => {
  expect(Object.keys(shutdown).sort()).toEqual(["depends_on", "for_each", "input", "lifecycle", "provisioner"]);
  expect(shutdown.lifecycle).toEqual({ create_before_destroy: true });
  expect(shutdown.input).toBe("${each.value}");
  expect(shutdown.for_each?.["etcd/0"]).toEqual({
    ...decommission.for_each?.["etcd-server-7-12"],
    owner: `\${${ADDRESS}["etcd-server-7-12"].id}`,
  });
  const [exec, other] = [shutdown, decommission].map((block) => block.provisioner?.[0]["remote-exec"]);
  expect(exec?.inline.at(-1)).toBe('main shutdown 120 "$@"');
  // A shutdown that an earlier release recorded has no owner, and stops the members as it did before.
  expect(exec?.inline.slice(0, -1).map((line) => line.replace('try(self.input.owner, "")', "self.id"))).toEqual(
    other?.inline.slice(0, -1),
  );
  expect(exec?.connection).toEqual(other?.connection);
});
