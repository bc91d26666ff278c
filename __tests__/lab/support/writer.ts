import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab";
import type { Project } from "./project";
import type { Running } from "./run";

/** The result of a series of writes. */
export interface Series {
  readonly acknowledged: number;
  readonly failed: number;
  readonly longestGapMs: number;
  /** The median and the 99th percentile of the times that acknowledged writes took. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: string[];
}

/** What the writer prints (see lab/writer): the results of its puts and of its appends. */
export interface Written extends Series {
  readonly mode: string;
  readonly appends: Series;
}

export interface WriterOptions {
  /**
   * Whether the endpoints are read from the cluster's member list every 2 s, as members come and go. Default: the
   * endpoints stay those of the start.
   */
  readonly follow?: boolean;
  /** Distinguishes writers of the same mode that write at the same time. Default: the mode. */
  readonly name?: string;
  /** Milliseconds between two operations of a client. Default: 100, so that the hosts have the machine's two cores. */
  readonly intervalMs?: number;
}

/**
 * A client that puts a key and appends to a list at each interval, from its construction to `stop`, which checks that
 * no acknowledged write was lost.
 */
export class Writer {
  private readonly running: Running;
  private readonly file: string;
  private readonly follow: string;

  public constructor(
    private readonly lab: Lab,
    private readonly project: Project,
    mode: "balanced" | "pinned",
    options: WriterOptions = {},
  ) {
    this.file = join(project.directory, `acknowledged-${options.name ?? mode}`);
    this.follow = options.follow ? "--follow" : "";
    rmSync(this.file, { force: true });
    this.running = lab.start(
      writer(project, `write --mode ${mode} --acknowledged ${this.file} ${this.follow} ${pace(options)}`),
    );
  }

  /**
   * Ends the client. Throws unless every member has every acknowledged put and append, the appends once and in order.
   */
  public async stop(): Promise<Written> {
    const written = await ended(this.running);
    await this.check();
    return written as Written;
  }

  /** Throws unless every member has every acknowledged put and append, however long a large database takes to say so. */
  public async check(): Promise<void> {
    const check = await this.lab.exec(
      writer(this.project, `check --deadline 2m --acknowledged ${this.file} ${this.follow}`),
    );
    if (check.code !== 0) throw new Error(`the members do not have the acknowledged writes: ${check.output}`);
  }
}

/** What `History.stop` returns. */
export interface Judged {
  readonly operations: number;
  readonly unknown: number;
  readonly result: string;
}

/**
 * Five clients that get, put and compare-and-swap a handful of registers, from their construction to `stop`, which
 * checks their history.
 */
export class History {
  private readonly running: Running;
  private readonly file: string;

  public constructor(
    private readonly lab: Lab,
    private readonly project: Project,
    options: WriterOptions = {},
  ) {
    this.file = join(project.directory, "history.jsonl");
    rmSync(this.file, { force: true });
    this.running = lab.start(
      writer(project, `history --history ${this.file} ${options.follow ? "--follow" : ""} ${pace(options)}`),
    );
  }

  /** Ends the clients. Throws unless the history is linearizable. */
  public async stop(): Promise<Judged> {
    await ended(this.running);
    const check = await this.lab.exec(writer(this.project, `linearizable --history ${this.file}`));
    const judged = check.stdout ? (JSON.parse(check.stdout) as Judged) : undefined;
    if (judged?.result !== "ok") throw new Error(`the history ${this.file} is not linearizable: ${check.output}`);
    return judged;
  }
}

function pace({ intervalMs = 100 }: WriterOptions): string {
  return `--interval ${intervalMs}ms`;
}

async function ended(running: Running): Promise<unknown> {
  running.kill("SIGTERM");
  const result = await running.ended;
  if (result.code !== 0) throw new Error(`the writer failed: ${result.output}`);
  return JSON.parse(result.stdout);
}

/** The command that runs the writer, which is on the PATH of `lab exec`. */
function writer(project: Project, text: string): string[] {
  return ["sh", "-c", `. ${project.directory}/credentials/etcdctl.env; exec writer ${text}`];
}
