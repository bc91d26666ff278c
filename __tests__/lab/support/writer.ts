import { existsSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Lab } from "./lab";
import type { Project } from "./project";
import type { Running } from "./run";

/** What the writer prints; see lab/writer. */
export interface Written {
  readonly mode: string;
  readonly acknowledged: number;
  readonly failed: number;
  readonly longestGapMs: number;
  readonly errors: string[];
}

/** A client that puts a key every 20 ms, from `start` to `stop`, and checks at the end that none is lost. */
export class Writer {
  private readonly running: Running;
  private readonly file: string;

  public constructor(
    private readonly lab: Lab,
    private readonly project: Project,
    mode: "balanced" | "pinned",
  ) {
    this.file = join(project.directory, `acknowledged-${mode}`);
    rmSync(this.file, { force: true });
    this.running = lab.start(this.command(`write --mode ${mode} --acknowledged ${this.file}`));
  }

  /** Ends it, and throws unless every acknowledged key is on every member. */
  public async stop(): Promise<Written> {
    this.running.kill("SIGTERM");
    const ended = await this.running.ended;
    const check = await this.lab.exec(this.command(`check --acknowledged ${this.file}`));
    const { lost, hashesEqual } = JSON.parse(check.stdout);
    if (lost.length > 0 || !hashesEqual) throw new Error(`acknowledged and lost: ${check.stdout}`);
    return JSON.parse(ended.stdout);
  }

  private command(text: string): string[] {
    return ["sh", "-c", `. ${this.project.directory}/credentials/etcdctl.env; exec ${writer()} ${text}`];
  }
}

function writer(): string {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cdktf-etcd");
  const newest = readdirSync(cache)
    .filter((entry) => entry.startsWith("writer-") && existsSync(join(cache, entry, "writer")))
    .at(-1);
  if (!newest) throw new Error("no writer: run lab/prepare");
  return join(cache, newest, "writer");
}
