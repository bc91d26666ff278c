import { cpSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, expectSettled, member, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";

const NAME = "etcd-server-7-22";

/* What has to be done by hand, with the commands of docs/lost-data.md. */
describe("data that a deploy alone cannot bring back", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("lost", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
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

  async function bringSnapshotTo(hosts: string[]): Promise<void> {
    const root = async (host: string) => (await lab.lab("host-root", host)).trim();
    const snapshot = join(await root("hdss7-12"), "root/snapshot.db");
    for (const host of hosts) cpSync(snapshot, join(await root(host), "root/snapshot.db"));
  }

  test("a member whose data were deleted does not start, its log says why, and a deploy of the same program does not notice", async () => {
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

  test("its bootstrap, run again while the other members are down, founds no new cluster", async () => {
    await Promise.all(
      ["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl stop etcd-server-7-${HOSTNAME##*-}")),
    );
    const bootstrap = await project.resource("etcd-server-7-22", "bootstrap");
    const again = await project.terraform("apply", "-auto-approve", `-replace=${bootstrap}`, `-target=${bootstrap}`);
    expect(again.output).toMatch(/bootstrap: has run before and its data are gone, so it may not found a cluster/);
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe(".cdktf-etcd");
    await Promise.all(
      ["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl start etcd-server-7-${HOSTNAME##*-}")),
    );
  });

  test("a member that runs with the data of another cluster is reported; moving its data away and increasing `reprovision` bring it back", async () => {
    await lab.on(
      "hdss7-12",
      ". /opt/etcd/etcdctl.env; ETCDCTL_ENDPOINTS=https://10.4.7.12:2379 /opt/etcd/etcdctl snapshot save /root/snapshot.db",
    );
    await bringSnapshotTo(["hdss7-21", "hdss7-22"]);
    await restore("hdss7-22", "alone", ["hdss7-22"]);
    await lab.on("hdss7-22", "supervisorctl start etcd-server-7-22");
    expect(await project.healthTable()).toMatch(
      /etcd-server-7-12 on hdss7-12: health failed: the members belong to 2 clusters: https:.*; to do: see docs\/lost-data\.md#the-members-are-of-two-clusters/,
    );
    // Restarting one of the other two would cost their quorum, although all three report that they are healthy.
    const before = await pids(lab);
    expect((await project.apply({ quotaBackendBytes: 3_000_000_000 })).output).toMatch(
      /etcd-server-7-22 on hdss7-22: preflight refused: membership: the program's members run in different clusters: this one in \w+, https:\/\/10\.4\.7\.12:2379 in (\w+), https:\/\/10\.4\.7\.21:2379 in \1; to do: decide /,
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

  const DATA = "/data/etcd/etcd-server";
  /** Runs the rollout of the third member again, as a changed flag would. */
  async function rollOut(): Promise<string> {
    return (await project.terraform("apply", "-auto-approve", `-replace=${await project.resource(NAME, "rollout")}`))
      .output;
  }
  const ids = async () => (await project.etcdctl("member list")).stdout.split("\n").map((line) => line.split(",")[0]);

  test("a member whose data are hidden by a mount is not removed: the refusal names the mount, even if etcd has stopped because of it", async () => {
    const before = await ids();
    await lab.on("hdss7-22", `mount -t tmpfs tmpfs ${DATA}`);
    // etcd reads its data directory every half minute, and stops when its files are not there.
    expect(await rollOut()).toMatch(
      /rollout refused: data directory: (etcd runs on data in \S+ that are hidden: \S+ was mounted over them|\S+ was not mounted when this member was last healthy, and it hides what is in that directory); to do: run umount \/data\/etcd\/etcd-server/,
    );
    expect(await ids()).toEqual(before);
    await lab.on("hdss7-22", `umount ${DATA}; supervisorctl restart ${NAME}`);
    expect(await rollOut()).toMatch(/Apply complete!/);
  });

  test("a member whose write-ahead log is on a disk that is not mounted is neither started without it nor re-provisioned", async () => {
    const wal = `${DATA}/member/wal`;
    await lab.on(
      "hdss7-22",
      `set -e; supervisorctl stop ${NAME}; mv ${wal} /data/wal-disk; mkdir ${wal}; mount --bind /data/wal-disk ${wal}; supervisorctl start ${NAME}`,
    );
    expect(await rollOut()).toMatch(/Apply complete!/);
    const before = await ids();
    await lab.on("hdss7-22", `supervisorctl stop ${NAME}; umount ${wal}; supervisorctl start ${NAME} || true`);
    expect(await lab.on("hdss7-22", "tail -n 1 /data/logs/etcd-server/etcd.log")).toBe(
      `${NAME}: ${wal} was mounted when this member was last healthy, and is not mounted now: not starting; mount it`,
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

  test("a member on a reinstalled host, with its old data disk and another uid, continues with its data", async () => {
    const before = await ids();
    await lab.on(
      "hdss7-22",
      `supervisorctl stop ${NAME}; rm -r /var/lib/cdktf-etcd /opt/etcd /opt/etcd-v* /etc/supervisor/conf.d/etcd-server.*; supervisorctl update ${NAME}; ` +
        "usermod -u 4242 etcd; groupmod -g 4242 etcd",
    );
    const applied = await project.apply({ members: [member(12), member(21), member(22, { reprovision: 2 })] });
    expect(applied.output).toMatch(/Apply complete!/);
    expect(applied.output).toMatch(/stage: adopted the data in \/data\/etcd\/etcd-server, which are this member's own/);
    expect(await ids()).toEqual(before);
    await expectHealthy(project);
  });

  test("a renamed member is refused in one line, which knows that its etcd belongs to this cluster", async () => {
    const refused = await project.apply({
      members: [member(12), member(21), { ...member(22, { reprovision: 2 }), name: "etcd-renamed" }],
    });
    expect(refused.output.match(/etcd-renamed on hdss7-22: preflight refused: .*/g)).toEqual([
      expect.stringMatching(
        /preflight refused: member: this host runs the member etcd-server-7-22 of this cluster \(https:\/\/10\.4\.7\.22:2380\), but the program calls it etcd-renamed; to do: set the name back to etcd-server-7-22/,
      ),
    ]);
    await expectHealthy(project);
  });

  test("a founder that was removed and comes back on an empty host founds nothing while it cannot reach the others, and joins when it can", async () => {
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
