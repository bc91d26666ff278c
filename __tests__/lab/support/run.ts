import { type ChildProcess, spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

export interface Result {
  readonly code: number;
  /** Standard output and standard error, in the order in which they arrived, without colours. */
  readonly output: string;
  readonly stdout: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A command that runs in the background. */
export class Running {
  public readonly ended: Promise<Result>;

  public constructor(
    public readonly child: ChildProcess,
    began = Date.now(),
  ) {
    let output = "";
    let stdout = "";
    child.stdout?.on("data", (chunk) => {
      output += chunk;
      stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => (output += chunk));
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) =>
        resolve({
          code: code ?? (signal ? 128 : 1),
          output: stripVTControlCharacters(output),
          stdout,
          seconds: (Date.now() - began) / 1000,
        }),
      );
    });
  }

  /** Sends a signal to the whole process group: the command, and all processes that it has started. */
  public kill(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined && this.child.exitCode === null) process.kill(-this.child.pid, signal);
  }
}

export function start(command: string[], options: RunOptions = {}): Running {
  const child = spawn(command[0], command.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return new Running(child);
}

/** Runs a command to its end. A code other than 0 is a result, not an error. */
export function run(command: string[], options: RunOptions = {}): Promise<Result> {
  return start(command, options).ended;
}

/** Runs a command that must succeed. */
export async function must(command: string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, options);
  if (result.code !== 0) throw new Error(`${command.join(" ")}: exit ${result.code}\n${result.output}`);
  return result.stdout;
}
