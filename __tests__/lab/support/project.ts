import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compiledProgram } from "./compiled-program";
import type { Lab } from "./lab";
import type { Result, Running } from "./run";

/** Props that override the runbook's, as JSON; see program.ts. */
export type ProgramProps = { readonly version?: string; readonly [prop: string]: unknown };

/** An operator's project: a directory, a program with props, and Terraform. */
export class Project {
  public readonly directory: string;

  /** Environment variables for Terraform, in addition to those of `lab exec`. */
  public environment: { readonly [name: string]: string } = {};

  public constructor(
    private readonly lab: Lab,
    name = "project",
    public readonly version = process.env.LAB_ETCD ?? "3.6.14",
    private readonly stackName = "etcd",
  ) {
    this.directory = lab.directory(name);
  }

  private get stack(): string {
    return join(this.directory, "cdktf.out", "stacks", this.stackName);
  }

  /** CDKTF's name for the stack's state. */
  private get state(): string {
    return `terraform.${this.stackName}.tfstate`;
  }

  /** Synthesizes with props that override the runbook's. If they are refused, the result has a code other than 0. */
  public async synth(props: ProgramProps = {}): Promise<Result> {
    const env = {
      PROPS: JSON.stringify({ version: this.version, ...props }),
      SHA256: await this.lab.digest(props.version ?? this.version),
    };
    return this.lab.exec(compiledProgram(this.lab.directory("program")), { cwd: this.directory, env });
  }

  /** Synthesizes and runs `terraform init`; throws if one of them fails. */
  public async prepare(props: ProgramProps = {}): Promise<void> {
    const synth = await this.synth(props);
    if (synth.code !== 0) throw new Error(synth.output);
    if (existsSync(join(this.stack, ".terraform"))) return;
    const init = await this.terraform("init", "-input=false");
    if (init.code !== 0) throw new Error(init.output);
  }

  public terraform(...command: string[]): Promise<Result> {
    const environment = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`);
    return this.lab.exec(["env", ...environment, "terraform", ...command, "-no-color"], { cwd: this.stack });
  }

  /** Runs commands of a page of the documentation in the directory of the stack. */
  public shell(commands: string): Promise<Result> {
    return this.lab.exec(["sh", "-euc", commands.replace(/^ *cd cdktf\.out.*\n/m, "")], { cwd: this.stack });
  }

  /** Removes from the state what would stop these members, as docs/destroy.md describes. */
  public forget(...members: string[]): Promise<Result> {
    const page = readFileSync(join(__dirname, "..", "..", "..", "docs", "destroy.md"), "utf8");
    const [, commands] = /^ {2}```sh\n((?:(?!```)[^])*state rm[^]*?)^ {2}```$/m.exec(page) ?? [];
    if (commands === undefined) throw new Error("docs/destroy.md does not say how to forget a member");
    return this.shell(commands.replace("etcd-server-7-22", members.join(" ")));
  }

  public startTerraform(...command: string[]): Running {
    return this.lab.start(["terraform", ...command, "-no-color"], { cwd: this.stack });
  }

  /**
   * Kills Terraform (-9). Terraform writes a local state in place (ADR 8), so a kill in the middle of that leaves it
   * incomplete. In that case, the copy that Terraform made before is used, as docs/lost-data.md describes. A first
   * deploy has no such copy, so there the kill waits for the end of the write.
   */
  public async kill(terraform: Running): Promise<Result> {
    const state = join(this.directory, this.state);
    const backup = `${state}.backup`;
    for (terraform.kill("SIGSTOP"); !existsSync(backup) && isBroken(state); terraform.kill("SIGSTOP")) {
      terraform.kill("SIGCONT");
      if (await Promise.race([terraform.ended, sleep(20)])) break;
    }
    terraform.kill("SIGKILL");
    const result = await terraform.ended;
    if (isBroken(state)) {
      process.stderr.write("the kill has destroyed the state; its backup is used\n");
      cpSync(backup, state);
    }
    return result;
  }

  /** Synthesizes and applies. */
  public async apply(props: ProgramProps = {}): Promise<Result> {
    await this.prepare(props);
    return this.terraform("apply", "-auto-approve", "-input=false");
  }

  /**
   * The same after a kill. Terraform may have recorded a phase as done that never began (ADR 8). One line then says what
   * to replace, and this does as it says.
   */
  public async applyAfterKill(props: ProgramProps = {}): Promise<Result> {
    let result = await this.apply(props);
    for (let tries = 0; tries < 3; tries++) {
      const [line, replace] = / refused: stage: .*terraform apply((?: -replace='[^']+')+)/.exec(result.output) ?? [];
      if (line === undefined) break;
      process.stderr.write(`${line}\n`);
      const options = `${replace}`.replace(/'/g, "").trim().split(" ");
      result = await this.terraform("apply", "-auto-approve", "-input=false", ...options);
    }
    return result;
  }

  public async plan(props: ProgramProps = {}): Promise<Result> {
    await this.prepare(props);
    return this.terraform("plan", "-input=false");
  }

  public destroy(): Promise<Result> {
    return this.terraform("destroy", "-auto-approve", "-input=false");
  }

  /** The same project in another checkout, with its program and its state but without rendered files. */
  public checkout(name: string, version = this.version): Project {
    const other = new Project(this.lab, name, version);
    mkdirSync(other.directory, { recursive: true });
    cpSync(join(this.directory, this.state), join(other.directory, this.state));
    return other;
  }

  /** The address of a member's phase in Terraform's state, for `-replace=`. */
  public async resource(member: string, phase: string): Promise<string> {
    const list = (await this.terraform("state", "list")).stdout.split("\n");
    const address = list.find((name) => name.includes(`${member}_${phase}_`));
    if (address === undefined) throw new Error(`no ${phase} of ${member} in the state`);
    return address;
  }

  /** Makes Terraform print the health table again, as docs/deploy.md describes; returns the output. */
  public async healthTable(): Promise<string> {
    const list = (await this.terraform("state", "list")).stdout.split("\n");
    const health = list.find((name) => name.includes("etcd_health_"));
    return (await this.terraform("apply", "-auto-approve", `-replace=${health}`)).output;
  }

  /** Runs an etcdctl command with the operator's etcdctl.env. */
  public async etcdctl(command: string): Promise<Result> {
    const env = join(this.directory, "credentials", "etcdctl.env");
    const binary = join(this.lab.directory("bin"), `etcdctl-${this.version}`);
    if (!existsSync(binary)) {
      await this.lab.exec([
        "sh",
        "-c",
        `curl -fsS "$ETCD_MIRROR/v${this.version}/etcd-v${this.version}-linux-amd64.tar.gz" | tar -xzO etcd-v${this.version}-linux-amd64/etcdctl >${binary} && chmod 755 ${binary}`,
      ]);
    }
    return this.lab.exec(["sh", "-c", `. ${env} && ${binary} ${command}`], { cwd: this.directory });
  }
}

function isBroken(state: string): boolean {
  if (!existsSync(state)) return false;
  try {
    JSON.parse(readFileSync(state, "utf8"));
    return false;
  } catch {
    return true;
  }
}
