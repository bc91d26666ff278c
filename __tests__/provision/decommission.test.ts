import { RemovalPolicy } from "../../src/props";
import { RUNBOOK } from "../helpers/settings";
import { allDependencies, find, REMOVAL_SCRIPTS, synthCluster } from "../support/synth";

const ADDRESS = "terraform_data.etcd_decommission";
const json = synthCluster();
const decommission = find(json, ADDRESS);
const SHUTDOWN = "terraform_data.etcd_member_etcd-server-7-12_shutdown";
const shutdown = find(json, SHUTDOWN);

test("decommission is one resource with a key for each member, so that removing a key stops that member alone", () => {
  expect(Object.keys(decommission.for_each ?? {})).toEqual([
    "etcd-server-7-12",
    "etcd-server-7-21",
    "etcd-server-7-22",
  ]);
  expect(decommission.for_each?.["etcd-server-7-12"]).toEqual({
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
    script_path: "",
    bastion_host: "",
    bastion_port: "",
    bastion_user: "",
    bastion_private_key_file: "",
  });
});

test("nothing ever replaces it: what it remembers is an input, updated in place", () => {
  expect(decommission.input).toBe("${each.value}");
  expect(Object.keys(decommission).sort()).toEqual(["depends_on", "for_each", "input", "provisioner"]);
});

test("the removal policy is remembered, since the program has forgotten it by then", () => {
  const { for_each } = find(synthCluster({ removalPolicy: RemovalPolicy.DESTROY }), ADDRESS);
  expect(Object.values(for_each ?? {}).map((values) => values.removal_policy)).toEqual([
    "destroy",
    "destroy",
    "destroy",
  ]);
});

test("it knows nothing but itself and literals, and nothing but it and the shutdowns runs at the end", () => {
  expect(JSON.stringify(json.resource).match(/"when":/g)).toHaveLength(1 + 3);
  expect(decommission.provisioner).toHaveLength(1);
  const exec = decommission.provisioner?.[0]["remote-exec"];
  expect(exec?.when).toBe("destroy");
  const references = [...JSON.stringify(exec).matchAll(/(?<!\$)\$\{(.*?)\}/g)].map(([, expression]) => expression);
  expect(references).toHaveLength(12 + 11);
  for (const expression of references) expect(expression.replace(/self\.input\.[a-z_]+/g, "")).not.toMatch(/\w\.\w/);
  // It waits for others, but refers to none of them: so nothing that they become ever changes what runs at the end.
  const { depends_on, ...body } = decommission;
  expect(depends_on).toHaveLength(3);
  const alone = { ...json, resource: { ...json.resource, terraform_data: { etcd_decommission: body } } };
  expect(allDependencies(alone, ADDRESS)).toEqual([]);
});

test("it waits for all preflights, so a refused member is not known; and no file, since memberships depend on it", () => {
  expect(decommission.depends_on).toEqual([
    "null_resource.etcd_member_etcd-server-7-12_preflight",
    "null_resource.etcd_member_etcd-server-7-21_preflight",
    "null_resource.etcd_member_etcd-server-7-22_preflight",
  ]);
  const all = allDependencies(json, ADDRESS);
  expect(all.filter((address) => address.startsWith("local_"))).toEqual([]);
  // After a destroy that failed half way, wiped hosts must not found under the token that the data of another one bear.
  expect(all).not.toContain("null_resource.etcd_genesis_founders");
  // A destroy that fails half way must not have lost the CA.
  expect(all).toEqual(expect.arrayContaining(["tls_private_key.etcd_ca_key", "tls_self_signed_cert.etcd_ca_cert"]));
});

test("it runs phase decommission with what it remembers, and the scripts themselves in its text", () => {
  expect(decommission.provisioner?.[0]["remote-exec"]?.inline).toEqual([
    "set -eu",
    `MEMBER='\${self.input.member}'
HOST='\${self.input.host}'
PEER_URL='\${self.input.peer_url}'
CLIENT_URL='\${self.input.client_url}'
ENDPOINTS='\${self.input.endpoints}'
VERSION='\${self.input.version}'
INSTALL_ROOT='\${self.input.install_root}'
DATA_DIR='\${self.input.data_dir}'
LOG_DIR='\${self.input.log_dir}'
SUPERVISOR_INI='\${self.input.supervisor_ini}'
REMOVAL_POLICY='\${self.input.removal_policy}'`,
    REMOVAL_SCRIPTS,
    'main decommission 120 "$@"',
  ]);
});

test("every remembered value is used at the end", () => {
  const text = JSON.stringify(decommission.provisioner);
  const unused = Object.keys(decommission.for_each?.["etcd-server-7-12"] ?? {}).filter(
    (key) => !text.includes(`self.input.${key}`),
  );
  expect(unused).toEqual([]);
});

test("a member that leaves takes its key with it, and changes no other's", () => {
  const two = find(synthCluster({ members: RUNBOOK.members.slice(0, 2) }), ADDRESS);
  const { "etcd-server-7-22": left, ...rest } = decommission.for_each ?? {};
  expect(left).toBeDefined();
  expect(two.for_each).toEqual(rest);
});

test("a host that does not answer is given up when its member leaves the program, and fails the end of everything", () => {
  expect(decommission.provisioner?.[0]["remote-exec"]).toMatchObject({ when: "destroy", on_failure: "continue" });
  expect(shutdown.provisioner?.[0]["remote-exec"]).toMatchObject({ when: "destroy", on_failure: "fail" });
});

test("a shutdown is a block a member, so that removing the block runs nothing: the decommission alone does then", () => {
  expect(Object.keys(shutdown).sort()).toEqual(["depends_on", "input", "provisioner"]);
  const two = synthCluster({ members: RUNBOOK.members.slice(0, 2) });
  expect(Object.keys(two.resource.terraform_data).filter((id) => id.endsWith("_shutdown"))).toHaveLength(2);
});

test("a shutdown remembers the same as the decommission, and runs its own phase", () => {
  expect(shutdown.input).toEqual(decommission.for_each?.["etcd-server-7-12"]);
  const [exec, other] = [shutdown, decommission].map((block) => block.provisioner?.[0]["remote-exec"]);
  expect(exec?.inline.at(-1)).toBe('main shutdown 120 "$@"');
  expect(exec?.inline.slice(0, -1)).toEqual(other?.inline.slice(0, -1));
  expect(exec?.connection).toEqual(other?.connection);
});
