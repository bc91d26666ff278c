import { cpSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, expectSettled, member, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";

const NAME = "etcd-server-7-22";

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
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe(".cdktf-etcd");
    expect((await project.apply()).output).toMatch(/No changes/);
  });

  test("its bootstrap, run again while the others are down, does not found anything", async () => {
    await Promise.all(
      ["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl stop etcd-server-7-${HOSTNAME##*-}")),
    );
    const bootstrap = await project.resource("etcd-server-7-22", "bootstrap");
    const again = await project.terraform("apply", "-auto-approve", `-replace=${bootstrap}`, `-target=${bootstrap}`);
    expect(again.output).toMatch(/bootstrap: had a life before and its data are gone, it may not found anything/);
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe(".cdktf-etcd");
    await Promise.all(
      ["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl start etcd-server-7-${HOSTNAME##*-}")),
    );
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

  const DATA = "/data/etcd/etcd-server";
  /** Runs the rollout of the third member again, as a changed flag would. */
  async function rollOut(): Promise<string> {
    return (await project.terraform("apply", "-auto-approve", `-replace=${await project.resource(NAME, "rollout")}`))
      .output;
  }
  const ids = async () => (await project.etcdctl("member list")).stdout.split("\n").map((line) => line.split(",")[0]);

  test("a member whose data a mount hides is not taken out: the mount is named, also when its etcd has ended for it", async () => {
    const before = await ids();
    await lab.on("hdss7-22", `mount -t tmpfs tmpfs ${DATA}`);
    // etcd looks into its directory every half minute, and ends then.
    expect(await rollOut()).toMatch(
      /rollout refused: data directory: (etcd runs on data in \S+ that are hidden: \S+ was mounted over them|\S+ was not mounted when this member was last healthy, and hides what lay there); to do: umount \/data\/etcd\/etcd-server/,
    );
    expect(await ids()).toEqual(before);
    await lab.on("hdss7-22", `umount ${DATA}; supervisorctl restart ${NAME}`);
    expect(await rollOut()).toMatch(/Apply complete!/);
  });

  test("a write-ahead log whose disk is not mounted is not started without it, and its member not provisioned anew", async () => {
    const wal = `${DATA}/member/wal`;
    await lab.on(
      "hdss7-22",
      `set -e; supervisorctl stop ${NAME}; mv ${wal} /data/wal-disk; mkdir ${wal}; mount --bind /data/wal-disk ${wal}; supervisorctl start ${NAME}`,
    );
    expect(await rollOut()).toMatch(/Apply complete!/);
    const before = await ids();
    await lab.on("hdss7-22", `supervisorctl stop ${NAME}; umount ${wal}; supervisorctl start ${NAME} || true`);
    expect(await lab.on("hdss7-22", "tail -n 1 /data/logs/etcd-server/etcd.log")).toBe(
      `${NAME}: ${wal} was mounted when this member was last healthy and is not now: not starting; mount it`,
    );
    expect(await rollOut()).toMatch(
      /rollout refused: data directory: \/data\/etcd\/etcd-server\/member\/wal was mounted when/,
    );
    await lab.on("hdss7-22", `mount --bind /data/wal-disk ${wal}; supervisorctl restart ${NAME}`);
    expect(await rollOut()).toMatch(/Apply complete!/);
    expect(await ids()).toEqual(before);
    await lab.on(
      "hdss7-22",
      `set -e; supervisorctl stop ${NAME}; umount ${wal}; rmdir ${wal}; mv /data/wal-disk ${wal}; rm /var/lib/cdktf-etcd/${NAME}/mounts /opt/etcd/mounts; supervisorctl start ${NAME}`,
    );
    expect(await rollOut()).toMatch(/Apply complete!/);
  });

  test("a member on a new system, with its disk of before and another uid, goes on with its data", async () => {
    const before = await ids();
    await lab.on(
      "hdss7-22",
      `supervisorctl stop ${NAME}; rm -r /var/lib/cdktf-etcd /opt/etcd /opt/etcd-v* /etc/supervisor/conf.d/etcd-server.*; supervisorctl update ${NAME}; ` +
        "usermod -u 4242 etcd; groupmod -g 4242 etcd",
    );
    const applied = await project.apply({ members: [member(12), member(21), member(22, { reprovision: 2 })] });
    expect(applied.output).toMatch(/Apply complete!/);
    expect(applied.output).toMatch(/stage: the data in \/data\/etcd\/etcd-server are this member's own, of before/);
    expect(await ids()).toEqual(before);
    await expectHealthy(project);
  });

  test("a renamed member is refused in one line, and its etcd called no stranger", async () => {
    const refused = await project.apply({
      members: [member(12), member(21), { ...member(22, { reprovision: 2 }), name: "etcd-renamed" }],
    });
    expect(refused.output.match(/etcd-renamed on hdss7-22: preflight refused: .*/g)).toEqual([
      expect.stringMatching(
        /preflight refused: member: this host runs the member etcd-server-7-22 of this cluster \(https:\/\/10\.4\.7\.22:2380\), and the program calls it etcd-renamed; to do: set the name back to etcd-server-7-22/,
      ),
    ]);
    await expectHealthy(project);
  });

  test("a founder that left and comes back to an empty host that cannot reach the others founds nothing; it joins when it can", async () => {
    expect((await project.apply({ members: [member(12), member(21)] })).output).toMatch(/Apply complete!/);
    await lab.lab("reset", "hdss7-22");
    const others = ["hdss7-12", "hdss7-21"].map((host) => HOSTS[host]);
    await lab.on("hdss7-22", others.map((address) => `ip route add unreachable ${address}`).join("; "));
    const props = { members: [member(12), member(21), member(22)] };
    const refused = await project.apply(props);
    expect(refused.output).toMatch(
      /bootstrap: the members have changed since the cluster was founded: left to rollout/,
    );
    expect(refused.output).toMatch(/etcd-server-7-22 on hdss7-22: rollout refused: no data and no cluster/);
    expect(await lab.on("hdss7-22", `ls -A ${DATA}; pgrep -x etcd; true`)).toBe("");
    await lab.on("hdss7-22", others.map((address) => `ip route del unreachable ${address}`).join("; "));
    expect((await project.apply(props)).output).toMatch(/rollout: promoted/);
    await expectHealthy(project);
    await expectSettled(lab, project, props);
  });
});
