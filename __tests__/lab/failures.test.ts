import { setTimeout as sleep } from "node:timers/promises";
import { addressed, expectHealthy, expectSettled, hostOf, member, nameOf } from "./support/cluster";
import {
  cutLink,
  dice,
  type Dice,
  fillDisk,
  freeDisk,
  freezeEtcd,
  killEtcd,
  killSshd,
  leaderHost,
  netem,
  netemOff,
  restoreLink,
  restoreSshd,
  secondsSinceStart,
  thawEtcd,
} from "./support/faults";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import type { Result, Running } from "./support/run";
import { IS_SAMPLE, SEED } from "./support/sampling";
import { History, Writer } from "./support/writer";

/*
 * Each cell is one operation under one fault. All choices are random, but the same for the same seed:
 * `SEED=… CELLS=all|N npm run test:lab -- failures`. The default is 3 cells: 3 of the 6 operations, with faults that
 * the seed chooses. The first 6 cells contain each operation once, the first 11 also contain each fault, and all 66
 * contain each pair.
 */
const { CELLS = IS_SAMPLE ? "2" : "3" } = process.env;

/** A deploy that takes longer than this hangs: no phase in this lab needs more than a few seconds. */
const HANGS_AFTER_SECONDS = 900;

const ALL = [12, 21, 22, 31];
const HOSTS = ALL.map(hostOf);
/** The host with a small disk, which one of the faults fills. */
const SMALL = 22;
const OLDEST = "3.5.33";
const UPGRADES: { readonly [from: string]: string } = { [OLDEST]: "3.6.14", "3.6.14": "3.7.1" };

/** What the program says at one point in the cluster's life. */
interface Program {
  readonly version: string;
  readonly members: readonly number[];
  readonly quotaBackendBytes: number;
  readonly reprovision: { readonly [n: number]: number };
  readonly secondAuthority?: "trusted";
}

const FIRST: Program = {
  version: OLDEST,
  members: [12, 21, 22],
  quotaBackendBytes: 3_000_000_000,
  reprovision: {},
};

interface Change {
  readonly program: Program;
  /** The member that is changed; undefined if the deploy changes all members, one after the other. */
  readonly hand?: number;
  /** That member is down from the beginning; if another one goes down, the quorum is lost. */
  readonly isDown?: true;
}

interface Operation {
  readonly name: string;
  /** A new cluster that begins with this operation has four members: with only two left later, a restart would stop it. */
  readonly fromFour?: true;
  /** About how many lines its phases print. */
  readonly lines: number;
  begin(before: Program, dice: Dice): Change | Promise<Change>;
}

interface Fault {
  readonly name: string;
  readonly when: "before" | "inside" | "in hand" | "after";
  /** The member that it strikes. */
  target(cell: Cell): number | Promise<number>;
  strike(host: string): Promise<unknown>;
  heal?(host: string): Promise<unknown>;
  /** The fault is healed after this many seconds, even if the deploy still runs. Default: when the deploy has ended. */
  readonly seconds?: number;
  /** The fault makes its target unavailable to the cluster, so no other member may be restarted meanwhile. */
  readonly takesAway?: "for a moment" | "until it is healed";
}

/** One operation under one fault. */
interface Cell {
  readonly operation: Operation;
  readonly fault: Fault;
  readonly before: Program;
  readonly change: Change;
  readonly dice: Dice;
  /** What the deploy has printed so far. */
  said(): string;
}

let lab: Lab;
let project: Project;
/** The program of the healthy cluster that the next cell begins with; undefined if there is none. */
let life: Program | undefined;

/* The operations come in this order, again and again, so a cluster has three members, then four, then three, … */
const OPERATIONS: Operation[] = [
  {
    name: "a changed flag",
    lines: 15,
    begin: (before) => ({ program: { ...before, quotaBackendBytes: before.quotaBackendBytes + 1_000_000 } }),
  },
  {
    name: "scale out",
    lines: 22,
    begin: (before) => {
      const hand = ALL.find((n) => !before.members.includes(n));
      return { program: { ...before, members: ALL }, hand };
    },
  },
  {
    name: "upgrade",
    fromFour: true,
    lines: 30,
    begin: (before) => ({ program: { ...before, version: UPGRADES[before.version] } }),
  },
  {
    name: "lost data",
    fromFour: true,
    lines: 16,
    begin: async (before, random) => {
      const hand = random.of(before.members);
      await lab.on(hostOf(hand), "rm -r /data/etcd/etcd-server");
      return {
        program: { ...before, reprovision: { ...before.reprovision, [hand]: (before.reprovision[hand] ?? 0) + 1 } },
        hand,
        isDown: true,
      };
    },
  },
  {
    name: "scale in",
    fromFour: true,
    lines: 16,
    begin: (before, random) => {
      const hand = random.of(before.members.filter((n) => n !== SMALL));
      return { program: { ...before, members: before.members.filter((n) => n !== hand) }, hand };
    },
  },
  {
    name: "a trusted CA added or removed",
    lines: 18,
    begin: (before) => ({
      program: { ...before, secondAuthority: before.secondAuthority === undefined ? "trusted" : undefined },
    }),
  },
];

const FAULTS: Fault[] = [
  {
    name: "Terraform killed",
    when: "inside",
    target: anybody,
    strike: async () => deploy && project.kill(deploy),
  },
  {
    name: "etcd of the leader killed",
    when: "inside",
    takesAway: "for a moment",
    target: async (cell) => {
      const host = await leaderHost(project).catch(() => undefined);
      return host === undefined ? anybody(cell) : Number(host.split("-").at(-1));
    },
    strike: (host) => killEtcd(lab, host),
  },
  {
    name: "etcd of the member that is being changed killed",
    when: "in hand",
    takesAway: "for a moment",
    target: inHand,
    strike: (host) => killEtcd(lab, host),
  },
  {
    name: "etcd of another member killed",
    when: "inside",
    takesAway: "for a moment",
    target: (cell) => cell.dice.of(stayingOf(cell).filter((n) => n !== inHand(cell))),
    strike: (host) => killEtcd(lab, host),
  },
  {
    name: "a member frozen",
    when: "inside",
    takesAway: "until it is healed",
    seconds: 20,
    target: anybody,
    strike: (host) => freezeEtcd(lab, host),
    heal: (host) => thawEtcd(lab, host),
  },
  {
    name: "a cable unplugged before the deploy",
    when: "before",
    takesAway: "until it is healed",
    target: anybody,
    strike: (host) => cutLink(lab, host),
    heal: (host) => restoreLink(lab, host),
  },
  {
    name: "a cable unplugged during the deploy",
    when: "inside",
    takesAway: "until it is healed",
    seconds: 20,
    target: anybody,
    strike: (host) => cutLink(lab, host),
    heal: (host) => restoreLink(lab, host),
  },
  {
    name: "a cable unplugged after the deploy",
    when: "after",
    target: anybody,
    strike: (host) => cutLink(lab, host),
    heal: (host) => restoreLink(lab, host),
  },
  {
    name: "a full disk",
    when: "inside",
    takesAway: "until it is healed",
    target: () => SMALL,
    strike: (host) => fillDisk(lab, host),
    heal: (host) => freeDisk(lab, host),
  },
  {
    name: "50 ms delay and 1 % loss to a host",
    when: "before",
    target: anybody,
    strike: (host) => netem(lab, host, "delay 50ms loss 1%"),
    heal: (host) => netemOff(lab, host),
  },
  {
    name: "sshd killed",
    when: "inside",
    target: anybody,
    seconds: 6,
    strike: (host) => killSshd(lab, host),
    heal: (host) => restoreSshd(lab, host),
  },
];

/** The deploy that is under way. */
let deploy: Running | undefined;

describe(`a change that meets a fault, seed ${SEED}`, () => {
  const faults = dice(SEED).shuffled(FAULTS);
  const cells = Array.from({ length: CELLS === "all" ? OPERATIONS.length * FAULTS.length : Number(CELLS) }, (_, i) => ({
    i,
    operation: OPERATIONS[(SEED + i) % OPERATIONS.length],
    fault: faults[i % faults.length],
  }));

  beforeAll(async () => {
    process.stderr.write(`SEED=${SEED} CELLS=${CELLS}\n`);
    const [small, ...others] = [hostOf(SMALL), ...HOSTS.filter((host) => host !== hostOf(SMALL))];
    lab = await Lab.up("failures", "--supervisor", "preinstalled", "--hosts", others.map(addressed).join());
    await lab.lab("add", addressed(small), "--disk", "1500M");
  }, 600_000);
  afterAll(() => lab.down());

  test.each(cells)(
    `$i. $operation.name, $fault.name: once the fault is healed, applying again completes the change; no acknowledged write is lost`,
    async ({ i, operation, fault }) => {
      const random = dice(SEED * 100 + i);
      if (life === undefined || (operation.name === "upgrade" && !(life.version in UPGRADES)))
        await begin(i, operation);
      const before = life!;
      life = undefined;
      const written = new Writer(lab, project, "pinned", { follow: true });
      const history = new History(lab, project, { follow: true });
      const stopped = () => Promise.all([written.stop(), history.stop()]);
      const transcript: string[] = [];
      const notes: string[] = [];
      try {
        const change = await operation.begin(before, random);
        const props = propsOf(change.program);
        const cell: Cell = { operation, fault, before, change, dice: random, said: () => said };
        let said = "";

        // Starts the operation, lets the fault strike, and waits for the end of both.
        await project.prepare(props);
        let heal = fault.when === "before" ? await strike(cell, notes) : undefined;
        deploy = project.startTerraform("apply", "-auto-approve", "-input=false");
        deploy.child.stdout?.on("data", (chunk) => (said += chunk));
        const { ended } = deploy;
        if (fault.when === "inside" || fault.when === "in hand") {
          await moment(cell, deploy, notes);
          heal = await strike(cell, notes);
          if (fault.seconds !== undefined) {
            await Promise.race([pause(fault.seconds), ended.then(() => pause(1))]);
            await heal?.();
            heal = undefined;
          }
        }
        const first = await bounded(ended);
        transcript.push(first.output);
        if (fault.when === "after") heal = await strike(cell, notes);
        await heal?.();
        notes.push(`deploy: ${outcome(first)}`);

        const again = await converge(props, transcript);
        notes.push(`again: ${again}`);
        await until(() => expectHealthy(project, change.program.members.map(nameOf)));
        // A host whose member was removed while it could not be reached is left out: supervisor there keeps trying to
        // start the removed member.
        await expectSettled(lab, project, props, change.program.members.map(hostOf));

        const [writes, judged] = await stopped();
        notes.push(
          `puts ${writes.acknowledged}, failed ${writes.failed}, longest gap ${writes.longestGapMs} ms; appends ${writes.appends.acknowledged}, failed ` +
            `${writes.appends.failed}, longest gap ${writes.appends.longestGapMs} ms; history of ${judged.operations}, ${judged.unknown} unknown: ${judged.result}`,
        );
        expect(writes.acknowledged).toBeGreaterThan(20);
        if (!mayStopTheCluster(cell)) expect(writes).toMatchObject({ failed: 0, appends: { failed: 0 } });
        life = change.program;
      } catch (error) {
        await Promise.allSettled([stopped()]);
        const said = transcript.map((output) => linesOf(output).join("\n")).join("\n=====\n");
        process.stderr.write(`SEED=${SEED}, cell ${i} failed: ${String(error)}\nIts deploys said:\n${said}\n`);
        throw error;
      } finally {
        process.stderr.write(`${i}. ${operation.name}, ${fault.name}: ${notes.join("; ")}\n`);
      }
    },
    4 * HANGS_AFTER_SECONDS * 1000,
  );
});

/**
 * Whether a put may fail. If two members of three, or of four, are unavailable at once, there is no quorum until the
 * fault is healed, or until supervisor has restarted etcd. One of the two is the target. The other is the member that
 * the deploy has just stopped when the fault strikes, or the one whose data are gone.
 */
function mayStopTheCluster({ fault, change }: Cell): boolean {
  if (fault.takesAway === undefined) return false;
  if (fault.when === "before") return change.isDown === true;
  return fault.when !== "in hand";
}

/** Deploys a new cluster: for the first cell, after a failed one, and when the old one cannot be upgraded further. */
async function begin(i: number, { fromFour }: Operation): Promise<void> {
  if (i > 0) await lab.lab("reset");
  const first = fromFour ? { ...FIRST, members: ALL } : FIRST;
  project = new Project(lab, `life-${i}`, OLDEST);
  expect((await project.apply(propsOf(first))).output).toMatch(/Apply complete!/);
  await expectHealthy(project, first.members.map(nameOf));
  life = first;
}

/**
 * Waits for the moment at which the fault strikes: a random time after a random line of the deploy, or the end of the
 * deploy.
 */
async function moment(cell: Cell, running: Running, notes: string[]): Promise<void> {
  const { operation, fault, change, dice: random } = cell;
  // A fault during preflight would only cause one more refusal, and no member is being changed before all are staged.
  const first = change.program.members.length * (fault.when === "in hand" ? 3 : 1);
  const lines = first + Math.floor(random.next() * Math.max(1, operation.lines - first));
  const seconds = Math.round(random.next() * 20) / 10;
  const isDue = () => {
    if (fault.when !== "in hand" || change.hand === undefined) return linesOf(cell.said()).length >= lines;
    return operation.name === "scale in" || /rollout: added to the cluster/.test(cell.said());
  };
  let hasEnded = false;
  void running.ended.then(() => (hasEnded = true));
  while (!hasEnded && !isDue()) await pause(0.05);
  if (!hasEnded) await pause(seconds);
  notes.push(`${seconds} s after "${linesOf(cell.said()).at(-1) ?? ""}"${hasEnded ? ", which was the end" : ""}`);
}

/**
 * Makes the fault strike. Returns a function that heals it, and that throws if another member was restarted while the
 * target was unavailable.
 */
async function strike(cell: Cell, notes: string[]): Promise<() => Promise<void>> {
  const { fault, change } = cell;
  const target = await fault.target(cell);
  const host = hostOf(target);
  notes.push(`on ${host}`);
  // There may be no etcd on the host for a moment, so this is tried again.
  await until(() => fault.strike(host), 20).catch((error: unknown) => notes.push(`no effect: ${String(error)}`));
  const began = Date.now();
  return async () => {
    // A member that was asked to stop when the fault struck, or a moment before, is back after some seconds.
    const since = (Date.now() - began) / 1000 - 12;
    if (fault.takesAway === "until it is healed" && since > 0) {
      const others = stayingOf(cell).filter((n) => n !== target && n !== change.hand);
      for (const n of others) {
        const age = await secondsSinceStart(lab, hostOf(n));
        if (age < since)
          throw new Error(`${nameOf(n)} was restarted ${age} s ago, with ${nameOf(target)} away for ${since + 12} s`);
      }
    }
    if (fault.heal) await until(() => fault.heal!(host), 20);
  };
}

/**
 * Applies once more, and does what the lines of a failed apply ask for: replace a resource, or apply again.
 *
 * @returns The outcome of each apply, in one line.
 */
async function converge(props: ProgramProps, transcript: string[]): Promise<string> {
  await project.prepare(props);
  const took: string[] = [];
  for (let replace: string[] = []; ;) {
    const running = project.startTerraform("apply", "-auto-approve", "-input=false", ...replace);
    const result = await bounded(running.ended, running);
    transcript.push(result.output);
    if (/Apply complete!|No changes/.test(result.output)) return [...took, "done"].join(", then ");
    const asked = [...result.output.matchAll(/-replace='([^']+)'/g)].map(([, address]) => `-replace=${address}`);
    if (took.length === 3 || (asked.length === 0 && !/to do: .*apply again/.test(result.output))) {
      throw new Error(`the deploy does not converge: ${outcome(result)}`);
    }
    replace = [...new Set(asked)];
    took.push(`${outcome(result)}`);
  }
}

async function bounded(ended: Promise<Result>, running = deploy): Promise<Result> {
  // With `ref: false`, the timer alone does not keep the tests from ending.
  const result = await Promise.race([ended, sleep(HANGS_AFTER_SECONDS * 1000, undefined, { ref: false })]);
  if (result) return result;
  running?.kill("SIGKILL");
  throw new Error(`the deploy hangs: ${(await ended).output}`);
}

/** How a deploy ended, in one line. */
function outcome({ code, output, seconds }: Result): string {
  const reason =
    linesOf(output)
      .filter((line) => /(failed|refused): /.test(line))
      .join(" | ") ||
    (/Error: .*\n?.*/.exec(output)?.[0].replace(/\s+/g, " ") ?? "");
  return `${code === 0 ? "complete" : `code ${code} ${reason}`} (${seconds.toFixed(0)} s)`;
}

/** The lines that the phases on the hosts have printed. */
function linesOf(output: string): string[] {
  return [...output.matchAll(/etcd-server-\S+ on \S+: \w+( refused| failed)?: .*/g)].map(([line]) => line.trimEnd());
}

/** The member that is being changed: that of the operation, or the first one by name that is not done. */
function inHand({ change, said }: Cell): number {
  const { members } = change.program;
  return (
    change.hand ?? members.find((n) => !said().includes(`${nameOf(n)} on ${hostOf(n)}: rollout: healthy`)) ?? members[0]
  );
}

const stayingOf = ({ before, change }: Cell) => before.members.filter((n) => change.program.members.includes(n));

function anybody(cell: Cell): number {
  return cell.dice.of([...new Set([...cell.before.members, ...cell.change.program.members])]);
}

function propsOf({ members, reprovision, ...rest }: Program): ProgramProps {
  return { ...rest, members: members.map((n) => member(n, reprovision[n] ? { reprovision: reprovision[n] } : {})) };
}

async function pause(seconds: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Tries again until the attempt succeeds; throws its error when the time is over. */
async function until(attempt: () => Promise<unknown>, seconds = 120): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; ; await pause(0.2)) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
