import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alwaysQuote } from "../../../src/render/shell-quote";
import { must, type Result, run, type RunOptions, type Running, start } from "./run";

export const LAB = join(__dirname, "..", "..", "..", "lab", "lab");

export const HOSTS: { readonly [host: string]: string } = {
  "hdss7-12": "10.4.7.12",
  "hdss7-21": "10.4.7.21",
  "hdss7-22": "10.4.7.22",
};

/** A lab of real hosts; see lab/README.md. */
export class Lab {
  /** Boots a lab; `options` are those of `lab up`. */
  public static async up(name: string, ...options: string[]): Promise<Lab> {
    const lab = new Lab(`t${process.pid.toString(36)}-${name}`);
    await lab.lab("up", ...options);
    return lab;
  }

  private constructor(public readonly name: string) {}

  /** The lab's own directory: LAB_DIR, for commands that `exec` runs. */
  private get root(): string {
    return join(process.env.LAB_ROOT ?? "/var/lib/cdktf-etcd-lab", this.name);
  }

  /** Runs a command of lab/lab: `reset`, `reboot HOST`, `link HOST down`, … */
  public lab(...command: string[]): Promise<string> {
    return must([LAB, "--name", this.name, ...command]);
  }

  /**
   * Removes the lab. With `LAB_KEEP=1` it stays, to be looked at with `lab/lab --name …`. Throws if a deploy has
   * restarted another program under supervisor.
   */
  public async down(): Promise<void> {
    const restarted = await this.restartedNeighbours();
    if (process.env.LAB_KEEP) process.stdout.write(`kept: lab/lab --name ${this.name} ssh HOST\n`);
    else await this.lab("down");
    if (restarted.length > 0) throw new Error(`somebody else's program was restarted: ${restarted}`);
  }

  /**
   * The boots in which the other program under supervisor was started more than once, on the hosts that have one
   * (lab/parts/untidy.sh).
   */
  private async restartedNeighbours(): Promise<string[]> {
    const hosts = (await this.exec(["printenv", "LAB_HOSTS"])).stdout.trim().split(",");
    const logs = await Promise.all(
      hosts.map(async (pair) => join((await this.lab("host-root", pair.split("=")[0])).trim(), "var/log/jobs.starts")),
    );
    return logs.filter(existsSync).flatMap((log) => {
      const boots = readFileSync(log, "utf8").trim().split("\n");
      return boots.filter((boot, i) => boots.indexOf(boot) !== i).map((boot) => `${log}: ${boot}`);
    });
  }

  /** Runs a command in the operator's network namespace. */
  public exec(command: string[], options: RunOptions = {}): Promise<Result> {
    return run(this.inside(command), options);
  }

  public start(command: string[], options: RunOptions = {}): Running {
    return start(this.inside(command), options);
  }

  private inside(command: string[]): string[] {
    return [LAB, "--name", this.name, "exec", "--", ...command];
  }

  /**
   * Runs a shell text on a host as root, and returns its standard output. It runs at the console, because a login over
   * SSH would take ten times as long.
   */
  public async on(host: string, script: string): Promise<string> {
    return (await this.lab("console", host, `exec bash -c ${alwaysQuote(script)}`)).trim();
  }

  /** Runs the same text on every host, or on these hosts. */
  public async onAll(script: string, hosts = Object.keys(HOSTS)): Promise<string[]> {
    return Promise.all(hosts.map((host) => this.on(host, script)));
  }

  /** Adds these lines to `/etc/hosts` of hosts, in the place of those that a call has added before. */
  public async knowNames(lines: readonly string[], hosts = Object.keys(HOSTS)): Promise<void> {
    const text = alwaysQuote(lines.map((line) => `${line} # names`).join("\n"));
    await this.onAll(`sed -i '/# names$/d' /etc/hosts; echo ${text} >>/etc/hosts`, hosts);
  }

  /** The same for the operator, whose commands start with this `/etc/hosts` or see it change. */
  public operatorKnowsNames(lines: readonly string[]): void {
    writeFileSync(join(this.root, "etc-hosts"), `127.0.0.1 localhost\n${lines.join("\n")}\n`);
  }

  /** Creates a directory that is removed with the lab. */
  public directory(name: string): string {
    const path = join(this.root, "work", name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  public async digest(version: string): Promise<string> {
    return (await this.lab("digest", version)).trim();
  }
}
