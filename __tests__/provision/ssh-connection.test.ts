import { TerraformVariable } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { SshKey, type SshOptions } from "../../src/settings";
import { find, type StackJson, synth } from "../support/synth";

/** A cluster of one member with these SSH settings. */
function clusterWith(ssh: SshOptions, memberSsh?: SshOptions): StackJson {
  return synth((stack) => {
    new EtcdCluster(stack, "etcd", { members: [{ name: "a", address: "10.4.7.1", ssh: memberSsh }], ssh });
  });
}

/** The connection of everything that runs at create time; all of them are the same. */
function connectionOf(json: StackJson): object | undefined {
  const connections = Object.values(json.resource.null_resource)
    .flatMap((block) => block.provisioner ?? [])
    .map((provisioner) => (provisioner["remote-exec"] ?? provisioner.file)?.connection);
  expect(connections).toHaveLength(7);
  for (const connection of connections) expect(connection).toEqual(connections[0]);
  return connections[0];
}

/** What shutdown and decommission remember of the connection: the same. */
function storedOf(json: StackJson): object | undefined {
  expect(find(json, "terraform_data.etcd-shutdown_members").for_each?.["etcd/0"]).toEqual({
    ...find(json, "terraform_data.etcd_decommission").for_each?.a,
    owner: '${terraform_data.etcd_decommission["a"].id}',
  });
  return find(json, "terraform_data.etcd_decommission").for_each?.a;
}

const DEFAULTS = {
  type: "ssh",
  host: "10.4.7.1",
  port: 22,
  user: "root",
  timeout: "1m",
  script_path: "/root/.cdktf-etcd-%RAND%.sh",
};

test("a key file is read by Terraform when it connects, and switches the agent off", () => {
  const json = clusterWith({ key: SshKey.file("~/.ssh/id_ed25519") });
  expect(connectionOf(json)).toEqual({
    ...DEFAULTS,
    private_key: '${file(pathexpand("~/.ssh/id_ed25519"))}',
    agent: false,
  });
  expect(storedOf(json)).toMatchObject({ private_key_file: "~/.ssh/id_ed25519", agent: "false" });
});

test("a key from a sensitive variable is in the connection, and never remembered: the end goes through the agent", () => {
  const json = synth((stack) => {
    const key = new TerraformVariable(stack, "ssh_key", { type: "string", sensitive: true });
    new EtcdCluster(stack, "etcd", {
      members: [{ name: "a", address: "10.4.7.1" }],
      ssh: { key: SshKey.pem(key.stringValue) },
    });
  });
  expect(connectionOf(json)).toEqual({ ...DEFAULTS, private_key: "${var.ssh_key}", agent: false });
  expect(JSON.stringify(json.resource.terraform_data)).not.toContain("var.ssh_key");
  expect(storedOf(json)).toMatchObject({ private_key_file: "", agent: "true" });
});

test("with no key the agent is used", () => {
  const json = clusterWith({});
  expect(connectionOf(json)).toEqual({ ...DEFAULTS, agent: true });
  expect(storedOf(json)).toMatchObject({ private_key_file: "", agent: "true" });
});

test("host, port, user, host key, timeout and script path are passed on", () => {
  const ssh = {
    host: "hdss7-1.example",
    port: 2222,
    user: "ops",
    hostKey: "ssh-ed25519 AAAA",
    timeout: "3m",
    scriptPath: "/srv/deploy/run_%RAND%.sh",
  };
  const json = clusterWith(ssh);
  expect(connectionOf(json)).toEqual({
    type: "ssh",
    agent: true,
    host: "hdss7-1.example",
    port: 2222,
    user: "ops",
    host_key: "ssh-ed25519 AAAA",
    timeout: "3m",
    // `%R` starts no template, so it is left alone.
    script_path: "/srv/deploy/run_%RAND%.sh",
  });
  expect(storedOf(json)).toMatchObject({
    ssh_host: "hdss7-1.example",
    port: "2222",
    user: "ops",
    host_key: "ssh-ed25519 AAAA",
    timeout: "3m",
    script_path: "/srv/deploy/run_%RAND%.sh",
  });
});

test("scripts and uploads lie where only the SSH user can go: root's home, another user's .ssh, or a place of the program's", () => {
  const places = (ssh: SshOptions) => {
    const json = clusterWith(ssh);
    const { provisioner = [] } = find(json, "null_resource.etcd_member_a_stage");
    return [(connectionOf(json) as { script_path?: string }).script_path, provisioner[1].file?.destination];
  };
  expect(places({})).toEqual(["/root/.cdktf-etcd-%RAND%.sh", "/root/.cdktf-etcd/a/etcd-peer-key.pem"]);
  expect(places({ user: "ops" })).toEqual(["./.ssh/.cdktf-etcd-%RAND%.sh", "./.ssh/.cdktf-etcd/a/etcd-peer-key.pem"]);
  expect(places({ user: "ops", scriptPath: "/srv/deploy/run_%RAND%.sh" })).toEqual([
    "/srv/deploy/run_%RAND%.sh",
    "/srv/deploy/.cdktf-etcd/a/etcd-peer-key.pem",
  ]);
});

test("a bastion takes user and key from the host, unless it has its own", () => {
  const json = clusterWith({ user: "ops", key: SshKey.file("/keys/etcd"), bastionHost: "bastion.example" });
  expect(connectionOf(json)).toEqual({
    ...DEFAULTS,
    user: "ops",
    script_path: "./.ssh/.cdktf-etcd-%RAND%.sh",
    private_key: '${file(pathexpand("/keys/etcd"))}',
    agent: false,
    bastion_host: "bastion.example",
    bastion_port: 22,
    bastion_user: "ops",
    bastion_private_key: '${file(pathexpand("/keys/etcd"))}',
  });
  expect(storedOf(json)).toMatchObject({
    bastion_host: "bastion.example",
    bastion_port: "22",
    bastion_user: "ops",
    bastion_private_key_file: "/keys/etcd",
  });
});

test("a bastion whose key is in the agent, and one whose key is a variable's, which is never remembered", () => {
  const key = SshKey.file("/keys/etcd");
  const agent = clusterWith({ key, bastionHost: "bastion.example", bastionKey: SshKey.agent() });
  expect(connectionOf(agent)).toMatchObject({ private_key: '${file(pathexpand("/keys/etcd"))}', agent: true });
  expect(connectionOf(agent)).not.toHaveProperty("bastion_private_key");
  const variable = synth((stack) => {
    const bastionKey = new TerraformVariable(stack, "jump_key", { type: "string", sensitive: true });
    new EtcdCluster(stack, "etcd", {
      members: [{ name: "a", address: "10.4.7.1" }],
      ssh: { key, bastionHost: "bastion.example", bastionKey: SshKey.pem(bastionKey.stringValue) },
    });
  });
  expect(connectionOf(variable)).toMatchObject({ bastion_private_key: "${var.jump_key}", agent: false });
  expect(JSON.stringify(variable.resource.terraform_data)).not.toContain("var.jump_key");
});

test("a bastion with its own port, user and key", () => {
  const bastion = {
    bastionHost: "bastion.example",
    bastionPort: 2200,
    bastionUser: "jump",
    bastionKey: SshKey.file("/keys/jump"),
  };
  const json = clusterWith({ key: SshKey.file("/keys/etcd"), ...bastion });
  expect(connectionOf(json)).toMatchObject({
    bastion_host: "bastion.example",
    bastion_port: 2200,
    bastion_user: "jump",
    bastion_private_key: '${file(pathexpand("/keys/jump"))}',
  });
  expect(storedOf(json)).toMatchObject({
    bastion_host: "bastion.example",
    bastion_port: "2200",
    bastion_user: "jump",
    bastion_private_key_file: "/keys/jump",
  });
});

test("a member's own settings replace the cluster's one by one", () => {
  const json = clusterWith({ user: "ops", port: 2222, key: SshKey.file("/keys/etcd") }, { port: 22022 });
  expect(connectionOf(json)).toEqual({
    ...DEFAULTS,
    user: "ops",
    script_path: "./.ssh/.cdktf-etcd-%RAND%.sh",
    port: 22022,
    private_key: '${file(pathexpand("/keys/etcd"))}',
    agent: false,
  });
  expect(storedOf(json)).toMatchObject({ port: "22022", user: "ops" });
});

test("the decommission connects as the rest does, from what it remembers", () => {
  const exec = find(clusterWith({}), "terraform_data.etcd_decommission").provisioner?.[0]["remote-exec"];
  const given = (key: string) => `\${self.input.${key} == "" ? null : self.input.${key}}`;
  const file = (key: string) => `\${self.input.${key} == "" ? null : file(pathexpand(self.input.${key}))}`;
  expect(exec?.connection).toEqual({
    type: "ssh",
    host: "${self.input.ssh_host}",
    port: "${self.input.port}",
    user: "${self.input.user}",
    private_key: file("private_key_file"),
    agent: "${self.input.agent}",
    host_key: given("host_key"),
    timeout: "${self.input.timeout}",
    // A state of before it was always set has none.
    script_path:
      '${self.input.script_path != "" ? self.input.script_path : self.input.user == "root" ? "/root/.cdktf-etcd-%RAND%.sh" : "./.ssh/.cdktf-etcd-%RAND%.sh"}',
    bastion_host: given("bastion_host"),
    bastion_port: given("bastion_port"),
    bastion_user: given("bastion_user"),
    bastion_private_key: file("bastion_private_key_file"),
  });
});
