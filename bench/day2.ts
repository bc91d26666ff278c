/*
 * Measures the operations of day 2 while clients write, and the same operations done by a hand-written script, on the
 * same lab hosts in the same run.
 * usage: npm run bench:day2 [-- ROUNDS]     (as root; boots a lab of its own)
 *
 * Each side begins with a cluster of its own on clean hosts, and runs the same operations in the same order. The
 * package changes the cluster that it deployed (`terraform apply` is measured; synth and init are not). The script,
 * bench/day2-reference.sh, changes the cluster that bench/reference.sh deployed. The side that goes first alternates
 * from round to round. After every operation, both clusters must have the same members, version and health, and the
 * same founders must have restarted.
 *
 * - Both sides move leadership away before a restart, check the archive by its digest, save a snapshot and read its
 *   status before the upgrade, add members as learners, and use `endpoint health` as the gate.
 * - Only the package has Terraform's plan and state, preflight on all hosts, locks, the turn in etcd, and a check for
 *   alarms. It verifies each certificate before it installs it, and proves it by a TLS handshake. It moves data that
 *   are in the way aside. It may be killed anywhere and run again.
 * - Only the script uses `supervisorctl restart` (the package stops etcd, and supervisor starts it again). It is told
 *   which member to replace.
 * - The script's three founders share one certificate; the package's have one each.
 *
 * A gap is the time between two acknowledged puts, of which there is one every 20 ms. Puts and appends count as failed
 * writes. Both writers run at the same time: pinned fails over by itself, and balanced is a plain client. A writer
 * starts before an operation and is checked after it; the run fails if an acknowledged write was lost.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MEMBERS, member, pids } from "../__tests__/lab/support/cluster";
import { HOSTS, Lab } from "../__tests__/lab/support/lab";
import { type ProgramProps, Project } from "../__tests__/lab/support/project";
import { Writer } from "../__tests__/lab/support/writer";
import { Figures, heading, seconds } from "./figures";
import { cleanHosts, reference, release } from "./hosts";

const ROUNDS = Number(process.argv[2] ?? 3);
const FROM = "3.5.33";
const TO = "3.6.14";
const QUOTA = 3_000_000_000;
const FOUNDERS = Object.keys(HOSTS);
const ALL_HOSTS = [...FOUNDERS, "hdss7-23", "hdss7-24"];
const LOST = "hdss7-22";

/** A step of an operation: props for the package, arguments for the script. */
interface Step {
  readonly props: ProgramProps;
  readonly script: readonly string[];
}

interface Operation {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What is done before the operation and is not measured. */
  readonly before?: (side: Side) => Promise<unknown>;
  /** What must be true after the operation. */
  readonly after: {
    readonly members: readonly string[];
    readonly version: string;
    readonly restarted: readonly string[];
  };
}

/** One of the two sides that are compared. */
interface Side {
  readonly name: "package" | "script";
  readonly lab: Lab;
  /** The project whose directory contains the credentials. */
  readonly project: Project;
  prepare(step: Step): Promise<void>;
  run(step: Step): Promise<{ code: number; output: string }>;
}

async function packageSide(lab: Lab, round: number): Promise<Side> {
  const project = new Project(lab, `package-${round}`, FROM);
  await seconds(() => project.apply());
  return {
    name: "package",
    lab,
    project,
    prepare: ({ props }) => project.prepare(props),
    run: () => project.terraform("apply", "-auto-approve", "-input=false"),
  };
}

async function scriptSide(lab: Lab, round: number): Promise<Side> {
  const project = new Project(lab, `script-${round}`, FROM);
  const run = ({ script }: Pick<Step, "script">) =>
    lab.exec([join(__dirname, "day2-reference.sh"), project.directory, ...script]);
  await seconds(async () => lab.exec(await reference(lab, FROM, project.directory)));
  await seconds(() => run({ script: ["credentials"] }));
  return { name: "script", lab, project, prepare: async () => {}, run };
}

async function operations(lab: Lab): Promise<Operation[]> {
  const [of3, of5] = [MEMBERS, [...MEMBERS, "etcd-server-7-23", "etcd-server-7-24"]];
  const quota = { quotaBackendBytes: QUOTA };
  const upgraded = { ...quota, version: TO };
  const members = [12, 21, 22].map((n) => member(n));
  const replaced = { ...upgraded, members: [member(12), member(21), member(22, { reprovision: 1 })] };
  const renewed = { ...replaced, certificates: { validityHours: 80_000 } };
  const to = await release(lab, TO);
  const nobody: string[] = [];
  return [
    {
      name: "rolling restart",
      steps: [{ props: quota, script: ["restart", `${QUOTA}`] }],
      after: { members: of3, version: FROM, restarted: FOUNDERS },
    },
    {
      name: `upgrade ${FROM} → ${TO}`,
      steps: [{ props: upgraded, script: ["upgrade", ...to] }],
      after: { members: of3, version: TO, restarted: FOUNDERS },
    },
    {
      name: "scale 3 → 5",
      before: calm,
      steps: [{ props: { ...upgraded, members: [...members, member(23), member(24)] }, script: ["grow", ...to] }],
      after: { members: of5, version: TO, restarted: nobody },
    },
    {
      name: "scale 5 → 3",
      before: calm,
      steps: [{ props: { ...upgraded, members }, script: ["shrink"] }],
      after: { members: of3, version: TO, restarted: nobody },
    },
    {
      name: "replacement of a dead member",
      before: loseData,
      steps: [{ props: replaced, script: ["replace"] }],
      after: { members: of3, version: TO, restarted: [LOST] },
    },
    {
      name: "leaf renewal",
      steps: [{ props: renewed, script: ["leaf"] }],
      after: { members: of3, version: TO, restarted: nobody },
    },
    {
      name: "change of CA, all three steps",
      steps: [
        { props: { ...renewed, secondAuthority: "trusted" }, script: ["ca-trust"] },
        { props: { ...renewed, secondAuthority: "signing" }, script: ["ca-sign"] },
        { props: { ...renewed, secondAuthority: "alone" }, script: ["ca-alone"] },
      ],
      after: { members: of3, version: TO, restarted: FOUNDERS },
    },
  ];
}

/**
 * Waits until the members have been connected for 5 s, because etcd refuses to change its members before. Otherwise the
 * figure would depend on how long ago the last operation was.
 */
async function calm(): Promise<void> {
  await sleep(6000);
}

/**
 * Deletes a member's data and kills its etcd. The others must be calm again, with a leader, before the writers start.
 */
async function loseData({ lab, project }: Side): Promise<void> {
  await lab.on(LOST, "rm -r /data/etcd/etcd-server/member; pkill -KILL -x etcd");
  await calm();
  const { output } = await project.etcdctl("endpoint health");
  if (output.match(/is healthy/g)?.length !== FOUNDERS.length - 1)
    throw new Error(`the other members are not healthy: ${output}`);
}

async function etcdctl(project: Project, command: string): Promise<string> {
  const result = await project.etcdctl(command);
  if (result.code !== 0) throw new Error(`etcdctl ${command}: ${result.output}`);
  return result.stdout;
}

/** Runs an operation and records its figures; throws if its outcome is not the expected one. */
async function measure(figures: Figures, side: Side, operation: Operation): Promise<void> {
  const { lab, project } = side;
  const running = await pids(lab, FOUNDERS);
  await operation.before?.(side);

  let took = 0;
  const seen: { [mode: string]: { gap: number; failed: number } } = {};
  for (const step of operation.steps) {
    await side.prepare(step);
    // The writers are new for each step, because clients learn of a new CA between two steps.
    const writers = (["pinned", "balanced"] as const).map(
      (mode) => new Writer(lab, project, mode, { follow: true, intervalMs: 20 }),
    );
    await sleep(1000);
    // If this fails, the writers end with the lab.
    took += await seconds(() => side.run(step));
    for (const { mode, longestGapMs, failed, appends, errors } of await Promise.all(writers.map((w) => w.stop()))) {
      const { gap, failed: before } = (seen[mode] ??= { gap: 0, failed: 0 });
      seen[mode] = { gap: Math.max(gap, longestGapMs), failed: before + failed + appends.failed };
      for (const error of [...errors, ...appends.errors]) {
        process.stderr.write(`${side.name}, ${operation.name}, ${mode}: ${error}\n`);
      }
    }
  }

  await expectOutcome(side, operation, running);
  figures.record(`${side.name}: ${operation.name}, s`, took);
  for (const [mode, { gap, failed }] of Object.entries(seen)) {
    figures.record(`${side.name}: ${operation.name}, ${mode}: longest gap, ms`, gap);
    figures.record(`${side.name}: ${operation.name}, ${mode}: failed writes`, failed);
  }
  const gaps = Object.entries(seen).map(([mode, { gap, failed }]) => `${mode} ${gap} ms, failed ${failed}`);
  process.stderr.write(`${side.name}: ${operation.name}: ${took.toFixed(1)} s; ${gaps.join("; ")}\n`);
}

async function expectOutcome({ lab, project }: Side, { name, after }: Operation, before: string[]): Promise<void> {
  await etcdctl(project, "endpoint health --cluster");
  const list = (await etcdctl(project, "member list")).trim().split("\n");
  const status = (await etcdctl(project, "endpoint status --cluster")).trim().split("\n");
  const now = await pids(lab, FOUNDERS);
  const outcome = {
    members: list.map((line) => line.split(", ")[2]).sort(),
    learners: list.filter((line) => line.endsWith("true")).length,
    versions: [...new Set(status.map((line) => line.split(", ")[2]))],
    restarted: FOUNDERS.filter((_, i) => now[i] !== before[i]),
  };
  const wanted = { members: after.members, learners: 0, versions: [after.version], restarted: after.restarted };
  if (JSON.stringify(outcome) !== JSON.stringify(wanted)) {
    throw new Error(`after ${name}: ${JSON.stringify(outcome)}, not ${JSON.stringify(wanted)}`);
  }
}

function print(figures: Figures): void {
  console.log(heading(`etcd ${FROM} and ${TO}; terraform apply without synth and init`, ROUNDS));
  console.log(`${"".padEnd(66)} ${"package".padEnd(26)} ${"script".padEnd(26)} package/script`);
  for (const name of figures.names.filter((key) => key.startsWith("package: "))) {
    const figure = name.slice("package: ".length);
    const script = `script: ${figure}`;
    const ratio = figures.median(script) > 0 ? (figures.median(name) / figures.median(script)).toFixed(2) : "";
    console.log(
      `${figure.padEnd(66)} ${figures.spread(name).padEnd(26)} ${figures.spread(script).padEnd(26)} ${ratio}`.trimEnd(),
    );
  }
}

async function main(): Promise<void> {
  const figures = new Figures();
  const addressed = ALL_HOSTS.map((host) => `${host}=10.4.7.${host.slice("hdss7-".length)}`);
  const lab = await Lab.up("day2", "--supervisor", "preinstalled", "--tidy", "yes", "--hosts", addressed.join());
  try {
    const all = await operations(lab);
    for (let round = 1; round <= ROUNDS; round++) {
      const sides = round % 2 === 1 ? [packageSide, scriptSide] : [scriptSide, packageSide];
      for (const start of sides) {
        await cleanHosts(lab, ALL_HOSTS);
        const side = await start(lab, round);
        for (const operation of all) await measure(figures, side, operation);
      }
      process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    }
  } finally {
    await lab.down();
  }
  print(figures);
}

void main();
