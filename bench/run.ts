/*
 * Measures the deploy and a hand-written script, on the same lab hosts in the same run. Prints medians, and their
 * ratios to the script.
 * usage: npm run bench [-- ROUNDS]     (as root; boots a lab of its own)
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Lab } from "../__tests__/lab/support/lab";
import { Project } from "../__tests__/lab/support/project";
import { Writer, type Written } from "../__tests__/lab/support/writer";
import { Figures, heading, median, seconds } from "./figures";
import { cleanHosts, reference } from "./hosts";

const TOP = join(__dirname, "..");
const ROUNDS = Number(process.argv[2] ?? 5);
const VERSION = "3.6.14";

const figures = new Figures();
const record = (name: string, value: number) => figures.record(name, value);

/** A directory with a `cdktf.json` for this program, and the command that deploys it there. */
function cdktfProject(directory: string, app: string): string[] {
  writeFileSync(
    join(directory, "cdktf.json"),
    JSON.stringify({ language: "typescript", app, projectId: "bench", sendCrashReports: "false" }),
  );
  return [join(TOP, "node_modules/.bin/cdktf"), "deploy", "--skip-provider-lock", "--auto-approve"];
}

/** What Terraform and the CDKTF CLI take for a stack without a cluster. */
async function smallest(lab: Lab, round: number): Promise<void> {
  const cwd = lab.directory(`smallest-${round}`);
  const deploy = cdktfProject(cwd, `node ${TOP}/bench/smallest.js`);
  await lab.exec(deploy, { cwd });
  const deployed = await seconds(() => lab.exec(deploy, { cwd }));
  const stack = join(cwd, "cdktf.out/stacks/smallest");
  const applied = await seconds(() => lab.exec(["terraform", "apply", "-auto-approve"], { cwd: stack }));
  record("one resource of each provider: re-apply without changes, s", applied);
  record("the same: cdktf deploy without changes, above that, s", deployed - applied);
}

async function deploys(lab: Lab, round: number): Promise<Project> {
  await cleanHosts(lab);
  const script = await reference(lab, VERSION, lab.directory(`reference-${round}`));
  record("hand-written script, s", await seconds(() => lab.exec(script)));

  await cleanHosts(lab);
  const viaCdktf = lab.directory(`cdktf-${round}`);
  const app = `node --import ${TOP}/node_modules/tsx/dist/loader.mjs ${TOP}/main.ts`;
  const deploy = cdktfProject(viaCdktf, app);
  const env = { ETCD_SHA256: await lab.digest(VERSION) };
  record("cdktf deploy, s", await seconds(() => lab.exec(deploy, { cwd: viaCdktf, env })));

  await cleanHosts(lab);
  const project = new Project(lab, `terraform-${round}`);
  await project.prepare();
  record("terraform apply, s", await seconds(() => project.terraform("apply", "-auto-approve")));
  record("re-apply without changes, s", await seconds(() => project.terraform("apply", "-auto-approve")));
  return project;
}

async function rollingRestart(lab: Lab, project: Project): Promise<void> {
  const quota = { quotaBackendBytes: 3_000_000_000 };
  await project.prepare(quota);
  const writers = (["balanced", "pinned"] as const).map((mode) => new Writer(lab, project, mode, { intervalMs: 20 }));
  record("rolling restart of three, s", await seconds(() => project.terraform("apply", "-auto-approve")));
  const [balanced, pinned] = (await Promise.all(writers.map((writer) => writer.stop()))) as Written[];
  for (const written of [balanced, pinned]) {
    record(`rolling restart, ${written.mode} writer: longest gap, ms`, written.longestGapMs);
    record(`rolling restart, ${written.mode} writer: failed puts`, written.failed);
  }
}

async function main(): Promise<void> {
  const lab = await Lab.up("bench", "--supervisor", "preinstalled", "--tidy", "yes");
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      await smallest(lab, round);
      const project = await deploys(lab, round);
      await rollingRestart(lab, project);
      const times = Array.from({ length: 3 }, () => {
        const began = performance.now();
        execFileSync("node", [join(__dirname, "synth.js"), "1"]);
        return (performance.now() - began) / 1000;
      });
      record("synth of three members, built package, s", median(times));
      process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    }
  } finally {
    await lab.down();
  }
  const script = figures.median("hand-written script, s");
  console.log(heading(`etcd ${VERSION}`, ROUNDS));
  for (const name of figures.names) {
    const ratio = name.endsWith(", s") ? `  ${(figures.median(name) / script).toFixed(2)} × script` : "";
    console.log(`${name.padEnd(58)} ${figures.spread(name)}${ratio}`);
  }
}

void main();
