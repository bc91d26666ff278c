import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { alwaysQuote } from "../../../src/render/shell-quote";
import { must, type Result, run, type RunOptions, type Running, start } from "./run";

const LAB = join(__dirname, "..", "..", "..", "lab", "lab");

export const HOSTS: { readonly [host: string]: string } = {
  "hdss7-12": "10.4.7.12",
  "hdss7-21": "10.4.7.21",
  "hdss7-22": "10.4.7.22",
};

/** A lab of real hosts, see lab/README.md. */
export class Lab {
  /** Boots a lab; `options` are those of `lab up`. */
  public static async up(name: string, ...options: string[]): Promise<Lab> {
    const lab = new Lab(`t${process.pid.toString(36)}-${name}`);
    await lab.lab("up", ...options);
    return lab;
  }

  private constructor(public readonly name: string) {}

  /** A command of the lab's own: `reset`, `reboot HOST`, `link HOST down`, … */
  public lab(...command: string[]): Promise<string> {
    return must([LAB, "--name", this.name, ...command]);
  }

  /** Removes it; with `LAB_KEEP=1` it stays, to be looked at with `lab/lab --name …`. Throws when a deploy has touched a neighbour. */
  public async down(): Promise<void> {
    const restarted = await this.restartedNeighbours();
    if (process.env.LAB_KEEP) process.stdout.write(`kept: lab/lab --name ${this.name} ssh HOST\n`);
    else await this.lab("down");
    if (restarted.length > 0) throw new Error(`somebody else's program was restarted: ${restarted}`);
  }

  /** The boots in which the other program under supervisor was started more than once, on hosts that have one (lab/parts/untidy.sh). */
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

  /** A command in the operator's network namespace. */
  public exec(command: string[], options: RunOptions = {}): Promise<Result> {
    return run(this.inside(command), options);
  }

  public start(command: string[], options: RunOptions = {}): Running {
    return start(this.inside(command), options);
  }

  private inside(command: string[]): string[] {
    return [LAB, "--name", this.name, "exec", "--", ...command];
  }

  /** A shell text on a host, as root; its standard output. At the console: a login by ssh would cost ten times as much. */
  public async on(host: string, script: string): Promise<string> {
    return (await this.lab("console", host, `exec bash -c ${alwaysQuote(script)}`)).trim();
  }

  /** The same text on every host, or on these. */
  public async onAll(script: string, hosts = Object.keys(HOSTS)): Promise<string[]> {
    return Promise.all(hosts.map((host) => this.on(host, script)));
  }

  /** A directory that goes with the lab. */
  public directory(name: string): string {
    const path = join(process.env.LAB_ROOT ?? "/var/lib/cdktf-etcd-lab", this.name, "work", name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  public async digest(version: string): Promise<string> {
    return (await this.lab("digest", version)).trim();
  }
}
