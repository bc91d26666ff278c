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

/** The connection of the provisioners that run at create time, which is the same for all of them. */
function connectionOf(json: StackJson): object | undefined {
  const connections = Object.values(json.resource.null_resource)
    .flatMap((block) => block.provisioner ?? [])
    .map((provisioner) => (provisioner["remote-exec"] ?? provisioner.file)?.connection);
  expect(connections).toHaveLength(7);
  for (const connection of connections) expect(connection).toEqual(connections[0]);
  return connections[0];
}

/** The connection settings that shutdown and decommission remember, which are the same for both. */
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

test("Terraform reads a key file when it connects, and does not use the SSH agent", () => {
  const json = clusterWith({ key: SshKey.file("~/.ssh/id_ed25519") });
  expect(connectionOf(json)).toEqual({
    ...DEFAULTS,
    private_key: '${file(pathexpand("~/.ssh/id_ed25519"))}',
    agent: false,
  });
  expect(storedOf(json)).toMatchObject({ private_key_file: "~/.ssh/id_ed25519", agent: "false" });
});

test("Terraform also reads a key file whose path, or a part of it, only Terraform knows", () => {
  const json = (path: (name: string) => string) =>
    synth((stack) => {
      const name = new TerraformVariable(stack, "name", {}).stringValue;
      new EtcdCluster(stack, "etcd", {
        members: [{ name: "a", address: "10.4.7.1" }],
        ssh: { key: SshKey.file(path(name)) },
      });
    });
  const key = (path: string) => ({ private_key: `\${file(pathexpand(${path}))}` });
  expect(connectionOf(json((name) => name))).toMatchObject(key("var.name"));
  expect(connectionOf(json((name) => `~/.ssh/"${name}`))).toMatchObject(key('join("", ["~/.ssh/\\"", var.name])'));
  expect(storedOf(json((name) => name))).toMatchObject({ private_key_file: "${var.name}" });
});

test("a key from a sensitive variable is used to connect but never stored, so that a destroy uses the SSH agent", () => {
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

test("without a key the SSH agent is used", () => {
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
    // `%R` does not start a template directive, so it is not escaped.
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

test("scripts and uploads are in a directory that only the SSH user can enter: root's home, another user's .ssh, or that of scriptPath", () => {
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

test("a bastion uses the host's user and key, unless it has its own", () => {
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

test("a bastion's key may be in the SSH agent or come from a variable, and then it is never stored", () => {
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

test("a bastion may have its own port, user and key", () => {
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

test("each setting of a member replaces only that setting of the cluster", () => {
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

test("the decommission connects like the other phases, with the settings that it remembers", () => {
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
    // In a state from a release that did not always set the script path, it is empty.
    script_path:
      '${self.input.script_path != "" ? self.input.script_path : self.input.user == "root" ? "/root/.cdktf-etcd-%RAND%.sh" : "./.ssh/.cdktf-etcd-%RAND%.sh"}',
    bastion_host: given("bastion_host"),
    bastion_port: given("bastion_port"),
    bastion_user: given("bastion_user"),
    bastion_private_key: file("bastion_private_key_file"),
  });
});
