/*
 * Measures how long writes stop when the member of a silently dead host is removed: with etcd's connections to it left
 * open, and with them closed as preflight closes them. Prints one line per case.
 * usage: npx tsx bench/dead-member.ts [VERSION,…] [SECONDS,…] [open,closed]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { MEMBERS } from "../__tests__/lab/support/cluster";
import { moveLeadershipTo } from "../__tests__/lab/support/faults";
import { Lab } from "../__tests__/lab/support/lab";
import { Project } from "../__tests__/lab/support/project";
import type { Result } from "../__tests__/lab/support/run";
import { Writer } from "../__tests__/lab/support/writer";
import { HOST_TEXT } from "../__tests__/support/host-scripts";

const [versions = "3.4.23,3.5.33,3.6.14,3.7.1", moments = "2,8,12,20,40", ways = "open,closed"] = process.argv.slice(2);
const LIVING = ["hdss7-12", "hdss7-21"];
const [DEAD, NAME] = ["hdss7-22", MEMBERS[2]];

/** What preflight does on every host that is alive, with the same scripts. */
const close = `set -eu
MEMBER=bench HOST=bench PHASE=bench INSTALL_ROOT=/opt VERSION=0 DATA_DIR=/data LOG_DIR=/data PEER_PORT=2380
${HOST_TEXT}
close_connections_to https://10.4.7.22:2380`;

async function main(): Promise<void> {
  const lab = await Lab.up("dead-member", "--supervisor", "preinstalled", "--tidy", "yes");
  try {
    for (const version of versions.split(",")) {
      await lab.lab("reset");
      const project = new Project(lab, version, version);
      const applied = await project.apply();
      if (applied.code !== 0) throw new Error(applied.output);
      for (const way of ways.split(",")) {
        for (const leads of ["follower", "leader"]) {
          for (const seconds of moments.split(",").map(Number)) await measure(lab, project, way, leads, seconds);
        }
      }
    }
  } finally {
    await lab.down();
  }
}

async function measure(lab: Lab, project: Project, way: string, dead: string, seconds: number): Promise<void> {
  await moveLeadershipTo(project, dead === "leader" ? 22 : 12);
  const id = await idOf(project, NAME);
  const load = new Writer(lab, project, "pinned", { follow: true, intervalMs: 20 });
  await sleep(2000);
  await lab.lab("kill", DEAD);
  const died = Date.now();
  // The measurement starts after the election that follows a leader's death, because that is not part of the removal.
  await sleep(seconds * 1000 - Math.min(seconds * 500, 3000));
  const writer = new Writer(lab, project, "pinned", { follow: true, name: "measured", intervalMs: 20 });
  await sleep(seconds * 1000 - (Date.now() - died));
  if (way === "closed") await lab.onAll(close, LIVING);
  const began = Date.now();
  const removed = await etcdctl(lab, project, `member remove ${id}`);
  const took = Date.now() - began;
  await sleep(3000);
  const written = await writer.stop();
  const all = await load.stop();
  console.log(
    `etcd ${project.version} ${dead} ${way} ${seconds} s: member remove ${took} ms (${removed.code}), longest gap ${written.longestGapMs} ms, ` +
      `failed ${written.failed + written.appends.failed}; since before the death ${all.longestGapMs} ms, failed ${all.failed + all.appends.failed}`,
  );
  await rejoin(lab, project);
}

/** Brings the dead member back as a new member, by hand. */
async function rejoin(lab: Lab, project: Project): Promise<void> {
  await lab.lab("start", DEAD);
  await lab.on(DEAD, `supervisorctl stop ${NAME} >/dev/null; rm -rf /data/etcd/etcd-server/*`);
  for (let i = 0; ; i++) {
    const added = await etcdctl(lab, project, `member add ${NAME} --peer-urls https://10.4.7.22:2380`);
    if (added.code === 0) break;
    if (i > 20) throw new Error(added.output);
    await sleep(1000);
  }
  const cluster = [12, 21, 22].map((n) => `etcd-server-7-${n}=https://10.4.7.${n}:2380`).join();
  await lab.on(
    DEAD,
    `printf 'initial_cluster=%s\\n' '${cluster}' >/opt/etcd/first-start.env; supervisorctl start ${NAME} >/dev/null; sleep 2; rm /opt/etcd/first-start.env`,
  );
  for (let i = 0; !/^(?!.*unhealthy)/s.test((await project.etcdctl("endpoint health")).output); i++) {
    if (i > 60) throw new Error("not healthy again");
    await sleep(500);
  }
  // For 5 s after a member has started, etcd does not count it as ready for a change of members.
  await sleep(5500);
}

/** Runs etcdctl through one living member, which does not lead either in the cases in which the dead one did not. */
function etcdctl(lab: Lab, project: Project, command: string): Promise<Result> {
  const binary = `${lab.directory("bin")}/etcdctl-${project.version}`;
  const text = `. ${project.directory}/credentials/etcdctl.env; ETCDCTL_ENDPOINTS=https://10.4.7.21:2379 ${binary} ${command}`;
  return lab.exec(["sh", "-c", text]);
}

async function idOf(project: Project, name: string): Promise<string> {
  const list = (await project.etcdctl("member list")).stdout.split("\n");
  return list.find((line) => line.includes(` ${name},`))?.split(",")[0] ?? "";
}

void main();
