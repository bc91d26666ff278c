import { RemovalPolicy, SshKey, resolveClusterProps } from "../../src/settings";
import { EtcdRelease } from "../../src/release/etcd-release";
import { RUNBOOK, runbookWith } from "../support/settings";

test("every default is filled in", () => {
  const one = { members: [RUNBOOK.members[0]], ssh: {} };
  expect(resolveClusterProps(one)).toEqual({
    members: [
      {
        name: "etcd-server-7-12",
        address: "10.4.7.12",
        listenAddress: "10.4.7.12",
        host: "hdss7-12",
        hostName: "hdss7-12",
        ssh: {
          host: "10.4.7.12",
          port: 22,
          user: "root",
          agent: true,
          timeout: "1m",
          scriptPath: "/root/.cdktf-etcd-%RAND%.sh",
        },
        peerUrl: "https://10.4.7.12:2380",
        clientUrl: "https://10.4.7.12:2379",
        listenPeerUrl: "https://10.4.7.12:2380",
        listenClientUrl: "https://10.4.7.12:2379",
        reprovision: 0,
      },
    ],
    version: "3.6.14",
    release: EtcdRelease.github(),
    installRoot: "/opt",
    dataDir: "/data/etcd/etcd-server",
    logDir: "/data/logs/etcd-server",
    supervisorIni: "etcd-server",
    peerPort: 2380,
    clientPort: 2379,
    user: "etcd",
    removalPolicy: RemovalPolicy.RETAIN,
    insecureLoopbackClientUrl: false,
    machinesInStack: false,
    extraFlags: {},
  });
});

test("members are sorted by name, whatever their order in the program", () => {
  const { members } = runbookWith({ members: [...RUNBOOK.members].reverse() });
  expect(members.map(({ name }) => name)).toEqual(["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"]);
});

test("a member without a host name is called by its address and has no DNS name", () => {
  const [member] = runbookWith({ members: [{ name: "a", address: "10.4.7.12" }] }).members;
  expect(member).toMatchObject({ host: "10.4.7.12", hostName: undefined });
});

test("each member has its own reprovision number", () => {
  const [first, ...others] = RUNBOOK.members;
  const { members } = runbookWith({ members: [{ ...first, reprovision: 2 }, ...others] });
  expect(members.map(({ reprovision }) => reprovision)).toEqual([2, 0, 0]);
});

describe("ssh", () => {
  const sshOf = (cluster: object, member: object = {}) =>
    runbookWith({ ssh: cluster, members: [{ name: "a", address: "10.4.7.12", ssh: member }] }).members[0].ssh;

  test("each setting of a member replaces only that setting of the cluster", () => {
    expect(sshOf({ user: "ops", port: 22 }, { port: 2222, host: "a.example" })).toMatchObject({
      user: "ops",
      port: 2222,
      host: "a.example",
    });
  });

  test("an undefined setting of a member replaces nothing", () => {
    expect(sshOf({ user: "ops" }, { user: undefined })).toMatchObject({ user: "ops" });
  });

  test("a member's key replaces the cluster's, whatever kind of key each of them is", () => {
    expect(sshOf({ key: SshKey.pem("PEM") }, { key: SshKey.file("id") })).toMatchObject({
      privateKeyFile: "id",
      privateKey: undefined,
      agent: false,
    });
    expect(sshOf({ key: SshKey.file("id") }, { key: SshKey.agent() })).toMatchObject({
      privateKeyFile: undefined,
      agent: true,
    });
  });

  test("the SSH agent is used only if it holds the host's key or the bastion's", () => {
    expect(sshOf({}).agent).toBe(true);
    expect(sshOf({ key: SshKey.file("id") }).agent).toBe(false);
    expect(sshOf({ key: SshKey.pem("PEM") }).agent).toBe(false);
    expect(sshOf({ key: SshKey.file("id"), bastionKey: SshKey.agent() }).agent).toBe(false);
    expect(sshOf({ key: SshKey.file("id"), bastionHost: "jump", bastionKey: SshKey.agent() })).toMatchObject({
      agent: true,
      bastionPrivateKeyFile: undefined,
    });
  });

  test("a bastion is reached like the hosts, unless it has settings of its own", () => {
    expect(sshOf({ user: "ops", key: SshKey.file("id"), bastionHost: "jump" })).toMatchObject({
      bastionHost: "jump",
      bastionPort: 22,
      bastionUser: "ops",
      bastionPrivateKeyFile: "id",
    });
    expect(sshOf({ bastionHost: "jump", bastionUser: "hop", bastionPort: 2200 })).toMatchObject({
      bastionUser: "hop",
      bastionPort: 2200,
    });
  });
});
