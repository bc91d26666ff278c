/*
 * Measures a backup, a defragmentation and a restore of databases of several sizes, and the same done by hand with
 * etcdctl and etcdutl, on the same lab hosts in the same run.
 * usage: npm run bench:maintenance [-- MEGABYTES…]     (as root; boots a lab of its own; default: 10 100 1000)
 *
 * - A backup is a snapshot that is verified: its pages, its appended digest, and the hash of all keys, which is compared
 *   with another member's. By hand: `etcdctl snapshot save`, and then `etcdutl snapshot status`.
 * - A defragmentation is that of a follower, half of whose database is free. By hand: `etcdctl defrag` of the other
 *   follower.
 * - A restore is one deploy that makes a new cluster of the running one, from a snapshot on one host. By hand: copy the
 *   snapshot to the other hosts, stop etcd everywhere, `etcdutl snapshot restore`, start, wait until all are healthy.
 *   Only the deploy compares the members before it lets clients in, keeps the old data safe from a second run, and
 *   restarts each member once more.
 *
 * While the work is done, two clients put a key every 20 ms: pinned fails over by itself after 200 ms, and balanced is a
 * plain client. p50 and p99 are of the times that their acknowledged puts took, and a gap is the longest time between two
 * acknowledged puts. What they are when nothing else is done comes first.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HOSTS, Lab } from "../__tests__/lab/support/lab";
import { Project } from "../__tests__/lab/support/project";
import { Writer } from "../__tests__/lab/support/writer";
import { heading, seconds } from "./figures";
import { cleanHosts } from "./hosts";

const SIZES = process.argv.slice(2).map(Number);
const NAMES = Object.keys(HOSTS).map((host) => `etcd-server-${host.slice(4)}`);
const ENVIRONMENT = "set -e; set -a; . /opt/etcd/etcdctl.env; set +a; PATH=/opt/etcd:$PATH";
const PROPS = {
  hostBackups: { every: "168h", keepLast: 9 },
  defragment: { minFreeBytes: 1e12 },
  quotaBackendBytes: 6 * 1024 ** 3,
};

const ok = async (work: Promise<unknown>) => (await work, { code: 0, output: "" });
const timed = (work: () => Promise<unknown>) => seconds(() => ok(work()));

/** Runs `work` while two clients write; returns its seconds, and the milliseconds of their puts. */
async function underWriters(lab: Lab, project: Project, work: () => Promise<unknown>): Promise<string> {
  const writers = (["pinned", "balanced"] as const).map((mode) => new Writer(lab, project, mode, { intervalMs: 20 }));
  // They must have begun when the work does.
  await sleep(1000);
  const took = await timed(work);
  const [pinned, balanced] = await Promise.all(writers.map((writer) => writer.stop()));
  const of = ({ p50Ms, p99Ms, longestGapMs, failed }: typeof pinned) =>
    `p50 ${p50Ms.toFixed(0)}, p99 ${p99Ms.toFixed(0)}, gap ${longestGapMs.toFixed(0)} ms, ${failed} failed`;
  return `${took.toFixed(1)} s; pinned ${of(pinned)}; balanced ${of(balanced)}`;
}

/** Fills the database with so many values of a megabyte. */
const fill = (lab: Lab, prefix: string, megabytes: number) =>
  lab.on(
    "hdss7-12",
    `${ENVIRONMENT}; n=0
while [ $n -lt ${megabytes} ]; do n=$((n + 1)); head -c 750000 /dev/urandom | base64 -w 0 | etcdctl put ${prefix}/$n >/dev/null; done`,
  );

/** For commands that ask one member only. */
const only = (host: string) => `${ENVIRONMENT}; ETCDCTL_ENDPOINTS=https://${HOSTS[host]}:2379`;

async function followers(lab: Lab): Promise<string[]> {
  const hosts = Object.keys(HOSTS);
  const statuses = await Promise.all(
    hosts.map((host) => lab.on(host, `${only(host)}; etcdctl endpoint status -w json`)),
  );
  return hosts.filter((_, i) => {
    const [, member] = /"member_id":(\d+)/.exec(statuses[i]) ?? [];
    return !statuses[i].includes(`"leader":${member},`);
  });
}

async function measure(lab: Lab, megabytes: number): Promise<void> {
  const say = (what: string, figure: string) =>
    console.log(`${String(megabytes).padStart(5)} MB  ${what.padEnd(26)} ${figure}`);
  await cleanHosts(lab);
  const project = new Project(lab, `maintenance-${megabytes}`);
  await timed(async () => project.apply(PROPS));
  await fill(lab, "kept", megabytes);

  say("nothing", await underWriters(lab, project, () => sleep(5000)));
  const [first, second] = await followers(lab);
  const program = (side: string, host: string) => `/var/lib/cdktf-etcd/etcd-server-${host.slice(4)}/${side}`;
  say("backup, verified", await underWriters(lab, project, () => lab.on(first, `sh ${program("backup", first)} now`)));
  const save = `${only(first)}; etcdctl --command-timeout=600s snapshot save /root/hand.db >/dev/null 2>&1`;
  say("  by hand, save", await underWriters(lab, project, () => lab.on(first, save)));
  const hand = `${save}; etcdutl snapshot status /root/hand.db`;
  say("  by hand, save and status", `${(await timed(() => lab.on(first, hand))).toFixed(1)} s`);

  await fill(lab, "freed", megabytes);
  await lab.on(
    first,
    `${ENVIRONMENT}; etcdctl del freed/ --prefix >/dev/null; etcdctl compact --physical "$(etcdctl get x -w fields | sed -n 's/^"Revision" : //p')" >/dev/null`,
  );
  const defragment = () => lab.on(first, `sh ${program("defragmentation", first)} now`);
  say("defragmentation", await underWriters(lab, project, defragment));
  const byHand = `${only(second)}; etcdctl --command-timeout=600s defrag`;
  say("  by hand", await underWriters(lab, project, () => lab.on(second, byHand)));

  const path = await lab.on(first, `sh ${program("backup", first)} latest`);
  const id = (await project.etcdctl("endpoint status -w json")).stdout.match(/"cluster_id":(\d+)/)?.[1] ?? "";
  const restoreFrom = { member: `etcd-server-${first.slice(4)}`, path, replacesCluster: BigInt(id).toString(16) };
  await project.prepare({ ...PROPS, restoreFrom });
  say("restore, by one deploy", `${(await seconds(() => project.terraform("apply", "-auto-approve"))).toFixed(1)} s`);
  say("  by hand", `${(await timed(() => restoreByHand(lab, first, path))).toFixed(1)} s`);
}

async function restoreByHand(lab: Lab, source: string, path: string): Promise<void> {
  const root = async (host: string) => (await lab.lab("host-root", host)).trim();
  const from = `${await root(source)}${path}`;
  for (const host of Object.keys(HOSTS)) await lab.exec(["cp", from, `${await root(host)}/root/restore.db`]);
  const cluster = Object.entries(HOSTS).map(
    ([host, address]) => `etcd-server-${host.slice(4)}=https://${address}:2380`,
  );
  await Promise.all(
    Object.entries(HOSTS).map(([host, address], i) =>
      lab.on(
        host,
        `set -e
supervisorctl stop ${NAMES[i]} >&2
mv /data/etcd/etcd-server /data/etcd/etcd-server.hand
/opt/etcd/etcdutl snapshot restore /root/restore.db --name ${NAMES[i]} --data-dir /data/etcd/etcd-server \\
  --initial-advertise-peer-urls https://${address}:2380 --initial-cluster-token hand --initial-cluster ${cluster.join()} \\
  --bump-revision 1000000000 --mark-compacted >&2
cp -p /data/etcd/etcd-server.hand/.cdktf-etcd /data/etcd/etcd-server/
chown -R etcd:etcd /data/etcd/etcd-server
chmod 700 /data/etcd/etcd-server
supervisorctl start ${NAMES[i]} >&2
${ENVIRONMENT}; until etcdctl endpoint health >/dev/null 2>&1; do sleep 0.1; done`,
      ),
    ),
  );
}

async function main(): Promise<void> {
  const lab = await Lab.up("bench", "--supervisor", "preinstalled", "--tidy", "yes");
  try {
    console.log(heading("etcd 3.6.14", 1));
    for (const megabytes of SIZES.length > 0 ? SIZES : [10, 100, 1000]) await measure(lab, megabytes);
  } finally {
    await lab.down();
  }
}

void main();
