import { cpSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, expectSettled, member, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";

/* What is still done by hand; docs/lost-data.md has these commands. */
describe("data that no deploy brings back", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("lost", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    await project.etcdctl("put greeting hello");
  });
  afterAll(() => lab.down());

  const restored = (hosts: string[]) =>
    hosts.map((host) => `etcd-server-${host.slice(4)}=https://${HOSTS[host]}:2380`).join();

  /** Restores the snapshot on a host, as a member of a new cluster of these hosts. */
  function restore(host: string, token: string, hosts: string[]): Promise<string> {
    const name = `etcd-server-${host.slice(4)}`;
    return lab.on(
      host,
      `set -e
supervisorctl stop ${name} >&2
mv /data/etcd/etcd-server /data/etcd/etcd-server.old-${token}
/opt/etcd/etcdutl snapshot restore /root/snapshot.db \\
  --name ${name} --data-dir /data/etcd/etcd-server \\
  --initial-advertise-peer-urls https://${HOSTS[host]}:2380 --initial-cluster-token ${token} \\
  --initial-cluster ${restored(hosts)} >&2
chown -R etcd:etcd /data/etcd/etcd-server
chmod 700 /data/etcd/etcd-server`,
    );
  }

  /** Asks for the table again, as docs/deploy.md has it; its output. */
  async function healthTable(): Promise<string> {
    const list = (await project.terraform("state", "list")).stdout.split("\n");
    const health = list.find((name) => name.includes("etcd_health_"));
    return (await project.terraform("apply", "-auto-approve", `-replace=${health}`)).output;
  }

  async function bringSnapshotTo(hosts: string[]): Promise<void> {
    const root = async (host: string) => (await lab.lab("host-root", host)).trim();
    const snapshot = join(await root("hdss7-12"), "root/snapshot.db");
    for (const host of hosts) cpSync(snapshot, join(await root(host), "root/snapshot.db"));
  }

  test("an emptied member is not started by supervisor, its log says why, and a deploy of the same program does not notice", async () => {
    await lab.on(
      "hdss7-22",
      "supervisorctl stop etcd-server-7-22; rm -r /data/etcd/etcd-server/member; supervisorctl start etcd-server-7-22; true",
    );
    expect(await lab.on("hdss7-22", "supervisorctl status; true")).toMatch(
      /etcd-server-7-22 +(BACKOFF|STARTING|FATAL)/,
    );
    expect(await lab.on("hdss7-22", "tail -n 1 /data/logs/etcd-server/etcd.log")).toBe(
      "etcd-server-7-22: no data in /data/etcd/etcd-server and no deploy has asked for a first start: not starting; run a deploy",
    );
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe("");
    expect((await project.apply()).output).toMatch(/No changes/);
  });

  test("its bootstrap, run again while the others are down, does not found anything", async () => {
    await Promise.all(["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl stop all")));
    const bootstrap = await project.resource("etcd-server-7-22", "bootstrap");
    const again = await project.terraform("apply", "-auto-approve", `-replace=${bootstrap}`, `-target=${bootstrap}`);
    expect(again.output).toMatch(/bootstrap: had a life before and its data are gone, it may not found anything/);
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe("");
    await Promise.all(["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl start all")));
  });

  test("a member that runs with data of another cluster is named; its data moved away, and `reprovision`, bring it back", async () => {
    await lab.on(
      "hdss7-12",
      ". /opt/etcd/etcdctl.env; ETCDCTL_ENDPOINTS=https://10.4.7.12:2379 /opt/etcd/etcdctl snapshot save /root/snapshot.db",
    );
    await bringSnapshotTo(["hdss7-21", "hdss7-22"]);
    await restore("hdss7-22", "alone", ["hdss7-22"]);
    await lab.on("hdss7-22", "supervisorctl start etcd-server-7-22");
    expect(await healthTable()).toMatch(
      /etcd-server-7-12 on hdss7-12: health failed: the members are of 2 clusters; to do: see docs\/lost-data\.md/,
    );
    // A restart of one of the other two would take their quorum, though all three call themselves healthy.
    const before = await pids(lab);
    expect((await project.apply({ quotaBackendBytes: 3_000_000_000 })).output).toMatch(
      /etcd-server-7-12 on hdss7-12: rollout failed: the members are of 2 clusters; to do: see docs\/lost-data\.md/,
    );
    expect(await pids(lab)).toEqual(before);
    await lab.on(
      "hdss7-22",
      "supervisorctl stop etcd-server-7-22; mv /data/etcd/etcd-server /data/etcd/etcd-server.of-another-cluster",
    );
    const props = { members: [member(12), member(21), member(22, { reprovision: 1 })] };
    expect((await project.apply(props)).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    await expectSettled(lab, project, props);
  });

  test("no quorum for good: a snapshot restored on all hosts is a healthy cluster with its keys, and a deploy finds nothing to do", async () => {
    const props = { members: [member(12), member(21), member(22, { reprovision: 1 })] };
    await lab.onAll("rm -r /data/etcd/etcd-server/member", ["hdss7-21", "hdss7-22"]);
    await Promise.all(Object.keys(HOSTS).map((host) => restore(host, "restored-1", Object.keys(HOSTS))));
    await Promise.all(
      Object.keys(HOSTS).map((host) => lab.on(host, `supervisorctl start etcd-server-${host.slice(4)}`)),
    );
    expect((await project.apply(props)).output).toMatch(/No changes/);
    expect(await healthTable()).toMatch(/etcd-server-7-22 +[0-9a-f]+ +(leader|follower) +healthy/);
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });
});
