/* What can go wrong around a cluster: one function for each fault, and one that heals it. */
import type { Lab } from "./lab";
import type { Project } from "./project";

/** Stops etcd on this host with SIGSTOP: its connections stay open, and nothing is answered. */
export const freezeEtcd = (lab: Lab, host: string): Promise<string> => lab.lab("freeze", host);
export const thawEtcd = (lab: Lab, host: string): Promise<string> => lab.lab("thaw", host);

/** Kills etcd (-9); supervisor starts it again. */
export const killEtcd = (lab: Lab, host: string): Promise<string> => onConsole(lab, host, "pkill -KILL -x etcd");

/** A flag that synth accepts, but with which etcd ends as soon as it starts, because there are no such files. */
export const FATAL_FLAG = { "auth-token": "jwt,pub-key=/nope.pem,priv-key=/nope.pem,sign-method=RS256" };

export const cutLink = (lab: Lab, host: string): Promise<string> => lab.lab("link", host, "down");
export const restoreLink = (lab: Lab, host: string): Promise<string> => lab.lab("link", host, "up");

/** Ends all SSH sessions and refuses new ones; etcd keeps running. */
export const killSshd = (lab: Lab, host: string): Promise<string> =>
  onConsole(lab, host, "systemctl --quiet stop ssh.service; pkill -KILL sshd; true");

export async function restoreSshd(lab: Lab, host: string): Promise<void> {
  await onConsole(lab, host, "systemctl start ssh.service");
  await lab.on(host, "true");
}

/**
 * Fills the disk of a host that was created with `--disk`. On other hosts, this would fill the disk of this machine.
 */
export async function fillDisk(lab: Lab, host: string): Promise<void> {
  const [kib] = (await onConsole(lab, host, "df --output=size / | tail -n 1")).trim().split("\n").map(Number);
  if (!(kib < 4_000_000)) throw new Error(`${host} has no small disk (${kib} KiB); give it one with --disk`);
  await onConsole(lab, host, "cat /dev/zero >/filler 2>/dev/null; true");
}
export const freeDisk = (lab: Lab, host: string): Promise<string> => onConsole(lab, host, "rm -f /filler");

/** Delays or drops what is sent to this host, for example `netem(lab, host, "delay 50ms loss 1%")`. */
export const netem = (lab: Lab, host: string, settings: string): Promise<string> =>
  lab.lab("netem", host, ...settings.split(" "));
export const netemOff = (lab: Lab, host: string): Promise<string> => lab.lab("netem", host, "off");

/** The host whose member leads; throws if no member that answers reports that it leads. */
export async function leaderHost(project: Project): Promise<string> {
  // A member that is down makes etcdctl fail, after it has printed the others.
  const status = await project.etcdctl("endpoint status --write-out json; printenv LAB_HOSTS");
  const hosts = new Map(
    (status.stdout.trim().split("\n").at(-1) ?? "")
      .split(",")
      .map((pair) => pair.split("=").reverse() as [string, string]),
  );
  // Ids are larger than JavaScript's integers, so they are compared as text.
  for (const member of status.stdout.split('"Endpoint":').slice(1)) {
    const address = /^"https:\/\/([\d.]+):/.exec(member)?.[1];
    const id = /"member_id":(\d+)/.exec(member)?.[1];
    const leader = /"leader":(\d+)/.exec(member)?.[1];
    if (id && id === leader) {
      const host = hosts.get(address ?? "");
      if (host) return host;
    }
  }
  throw new Error(`no leader: ${status.output}`);
}

/** Makes the member at 10.4.7.N the leader. */
export async function moveLeadershipTo(project: Project, n: number): Promise<void> {
  const isLeader = async () => (await leaderHost(project)) === `hdss7-${n}`;
  if (await isLeader()) return;
  const list = (await project.etcdctl("member list")).stdout.split("\n");
  const id = list.find((line) => line.includes(`etcd-server-7-${n},`))?.split(",")[0];
  const moved = await project.etcdctl(`move-leader ${id}`);
  if (!moved.output.includes("Leadership transferred") || !(await isLeader())) throw new Error(moved.output);
}

/** `n` random numbers of seconds between 0.3 and `max` + 0.3, the same for the same seed. */
export function randomMoments(seed: number, n: number, max: number): number[] {
  let state = seed;
  return Array.from({ length: n }, () => {
    // Park and Miller's generator.
    state = (state * 48271 + 11) % 2147483647;
    return Math.round((0.3 + (state / 2147483647) * max) * 100) / 100;
  });
}

/** Random choices, the same for the same seed. */
export interface Dice {
  /** A number from 0 to 1, excluding 1. */
  next(): number;
  of<T>(choices: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
}

export function dice(seed: number): Dice {
  let state = (seed % 2147483646) + 1;
  const next = () => {
    // Park and Miller's generator.
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  // Similar seeds give similar first numbers, so the first numbers are dropped.
  for (let i = 0; i < 5; i++) next();
  const of = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)];
  return {
    next,
    of,
    shuffled: (items) =>
      items
        .map((item) => [next(), item] as const)
        .sort(([a], [b]) => a - b)
        .map(([, item]) => item),
  };
}

/** How long etcd has been running on this host, in seconds; infinity if there is none. */
export async function secondsSinceStart(lab: Lab, host: string): Promise<number> {
  const ages = (await onConsole(lab, host, "ps -C etcd -o etimes=; true")).trim();
  return ages === "" ? Number.POSITIVE_INFINITY : Math.min(...ages.split("\n").map(Number));
}

/** Runs a command as root, without SSH. */
const onConsole = (lab: Lab, host: string, command: string): Promise<string> => lab.lab("console", host, command);
