import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import type { ClusterSettings, EtcdClusterProps, MemberSettings } from "../../src/settings";
import { runbookWith } from "./settings";
import type { Phase } from "../../src/provision/host-scripts";
import { memberFacts } from "../../src/provision/member-facts";
import { programLines } from "../../src/provision/member-host";
import { EtcdRelease } from "../../src/release/etcd-release";
import { etcdFlags } from "../../src/render/etcd-flags";
import { renderBackupEnv, renderDefragmentationEnv } from "../../src/render/side-program";
import { renderProgramIni } from "../../src/render/program-ini";
import { renderStartupScript } from "../../src/render/startup-script";
import { sha256, testArchive } from "./archive";
import { HOST_TEXT, REMOVAL_TEXT, SIDE_TEXTS } from "./host-scripts";
import { HOST_SCRIPTS, REMOVAL_SCRIPTS } from "./synth";

/** All commands that a host offers to the scripts; any other command is not found. */
const TOOLS =
  "awk base64 bash cat chmod chown cmp cp cut date dd df dirname env find findmnt flock getent grep gzip head id install ip kill ln ls mkdir mkfifo mv od openssl ps readlink rm rmdir sed sha1sum sha256sum sleep sort ss stat tail tar timeout touch tr true uname wc sync";

/** The paths that the scripts know by name. In a test, they lead into the directory of the host. */
const SYSTEM_PATHS =
  /(?<![\w}.])(?=\/(?:etc\/(?:supervisor|systemd|fstab|hosts|nsswitch|resolv|passwd|g?shadow|group)|run\/(?:cdktf-etcd|supervisor)|var\/lib\/cdktf-etcd|proc\/|tmp ))/g;
/** Matches any other such path. It must be added to `SYSTEM_PATHS`, or a test would touch this machine's own files. */
const FOREIGN_PATH = /^(?!\s*#).*(?<![\w}.@])\/(?:boot|etc|home|lib|opt|proc|root|run|srv|sys|tmp|var)\b.*$/m;
const SYSTEM_PATH_VARIABLE = /^PATH=.*$/m;

/** The addresses that a program gives to a member's resources. */
export const RESOURCES = {
  archive: "null_resource.archive",
  stage: "null_resource.stage",
  rollout: "null_resource.rollout",
  bootstrap: "null_resource.bootstrap",
  restore: "null_resource.restore",
  admit: "null_resource.admit",
  offer: "null_resource.offer",
};

/** A line that operators read, with a list in it whose last word has a blank after it, or with an empty word. */
const UNTIDY = /^\S+ on \S+: .*(?: [;,)]| {2}| $)/m;

/** The script with which a stub records how it was called. */
export const RECORD = `printf '%s\\n' "$*" >>"$CALLS"`;

/** A `wait_until` that gives up after half a second, for tests in which the condition never becomes true. */
export const IMPATIENT = `
wait_until() {
  shift
  for _ in 1 2 3 4 5; do
    "$@" && return
    sleep 0.1
  done
  return 1
}
`;

export interface HostOptions {
  /** The path of the shell that is `sh` in the host's PATH. */
  readonly shell?: string;
  /** Changes of the cluster's props. */
  readonly props?: Partial<EtcdClusterProps>;
  /** Commands that the host does not have. */
  readonly without?: string[];
}

export interface Run {
  readonly code: number | null;
  /** Standard output and standard error, in order, without the path of the host's directory. */
  readonly lines: string[];
}

/**
 * A host in a directory. It runs the real scripts in a real shell with the real tools. Only the paths of `SYSTEM_PATHS`
 * lead into the directory, and what a test cannot have (supervisord, systemd, package managers, etcd itself) is a stub
 * in the host's PATH.
 *
 * It is the host of member `a`, whose address is 127.0.0.1. The other members are `b` and `c`.
 */
export class Host {
  public readonly cluster: ClusterSettings;
  public readonly member: MemberSettings;
  /** The digest that the host expects an archive to have: that of `archive()`. */
  public readonly archiveSha256 = sha256(testArchive());
  /** The environment variables of the login, besides HOME and PATH. */
  public environment: { readonly [name: string]: string } = {};
  private runs = 0;

  public constructor(
    public readonly root: string,
    { shell = "/bin/sh", props = {}, without = [] }: HostOptions = {},
  ) {
    const user = process.getuid?.() === 0 ? "daemon" : userInfo().username;
    this.cluster = runbookWith({
      members: ["a", "b", "c"].map((name, i) => ({ name, address: `127.0.0.${i + 1}`, hostName: `host-${name}` })),
      release: EtcdRelease.localArchive("etcd.tar.gz", { sha256: this.archiveSha256 }),
      user,
      ...props,
      paths: {
        installRoot: this.path("/opt"),
        dataDir: this.path("/data/etcd"),
        logDir: this.path("/data/logs"),
        ...props.paths,
      },
    });
    this.member = this.cluster.members[0];

    mkdirSync(this.path("/bin"), { recursive: true });
    mkdirSync(this.path("/home"), { mode: 0o700 });
    for (const directory of ["/opt", "/proc", "/run", "/stubs", "/tmp", "/var/lib"]) {
      mkdirSync(this.path(directory), { recursive: true });
    }
    symlinkSync("/proc/uptime", this.path("/proc/uptime"));
    symlinkSync(shell, this.path("/bin/sh"));
    for (const tool of TOOLS.split(" "))
      if (!without.includes(tool)) symlinkSync(which(tool), this.path(`/bin/${tool}`));
    this.stub("systemctl", '[ "$1" = is-enabled ] && echo enabled');
    this.stub("useradd", RECORD);
    // This runs the command as the user of the test, because another user may not enter this directory.
    this.stub("setpriv", `${RECORD}; while case $1 in --*) ;; *) false ;; esac; do shift; done; exec "$@"`);
    if (process.getuid?.() !== 0) {
      this.stub("chown", "exit 0");
      this.stub("sudo", 'shift; exec "$@"');
    }
  }

  /** The path on this machine that belongs to a path on the host. */
  public path(path: string): string {
    return join(this.root, path);
  }

  public write(path: string, text: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
    chmodSync(this.path(path), mode);
  }

  public read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  /** The names in a directory, including hidden ones. */
  public list(path: string): string[] {
    return readdirSync(this.path(path)).sort();
  }

  public has(path: string): boolean {
    return existsSync(this.path(path));
  }

  /** Installs a stub, which comes before all other commands in PATH; `$CALLS` is a file for its calls. */
  public stub(command: string, script: string): void {
    const calls = `CALLS='${this.path(`/stubs/${command}.calls`)}'`;
    this.write(`/stubs/${command}`, `#!/bin/sh\n${calls}\n${script}\n`, 0o755);
  }

  public unstub(command: string): void {
    rmSync(this.path(`/stubs/${command}`));
  }

  /** The calls that a stub has recorded, one per line. */
  public calls(command: string): string[] {
    return this.has(`/stubs/${command}.calls`) ? lines(this.read(`/stubs/${command}.calls`)) : [];
  }

  public forgetCalls(): void {
    for (const file of this.list("/stubs")) if (file.endsWith(".calls")) rmSync(this.path(`/stubs/${file}`));
  }

  /** Runs shell text after the facts and the scripts, as root would. */
  public call(text: string, data: { [key: string]: string } = {}): Run {
    const variables = Object.entries({ PHASE: "test", INBOX: this.path("/home/.cdktf-etcd/a"), ...data });
    const prelude = variables.map(([key, value]) => `${key}='${value}'\n`).join("");
    return this.runFile(`set -eu\n${this.facts}\n${prelude}${this.scripts}\n${text}\n`);
  }

  /** Runs a phase as Terraform does: one file, called without arguments by the SSH user. Its waits are short. */
  public phase(
    phase: Phase,
    data: { [key: string]: string } = {},
    options: { seconds?: number; uid?: number } = {},
  ): Run {
    const program = programLines(this.facts, data, `${this.scripts}${IMPATIENT}`, phase, options.seconds ?? 60).join(
      "\n",
    );
    return this.runFile(program, options.uid);
  }

  /** Runs shell text after the backup program's settings and scripts, as `sh backup` would on a host with backups. */
  public backup(text: string): Run {
    const { backups } = this.cluster;
    if (!backups) throw new Error("this host's cluster has no backups");
    const env = renderBackupEnv("stack/etcd", this.cluster, this.member, backups);
    return this.sideProgram(env, SIDE_TEXTS.backup, text);
  }

  /** The same for the defragmentation program. */
  public defragmentation(text: string): Run {
    const { defragmentation } = this.cluster;
    if (!defragmentation) throw new Error("this host's cluster has no defragmentation");
    const env = renderDefragmentationEnv("stack/etcd", this.cluster, this.member, defragmentation);
    return this.sideProgram(env, SIDE_TEXTS.defragmentation, text);
  }

  private sideProgram(env: string, scripts: string, text: string): Run {
    return this.runFile(`set -u\n${env}\n${this.here(scripts)}\nknow_member_uids\n${text}\n`);
  }

  /** The startup script of the member, with some of the cluster's props changed. */
  public startupScript(props: Partial<ClusterSettings> = {}): string {
    const cluster = { ...this.cluster, ...props };
    return renderStartupScript(cluster, this.member, etcdFlags(cluster, this.member));
  }

  /** The supervisor program of the member. */
  public programIni(): string {
    return renderProgramIni(this.cluster, this.member);
  }

  /** A release archive with the layout of etcd's own. */
  public archive(): Buffer {
    return testArchive();
  }

  /**
   * Ends the processes that the host's stubs started. These are links in the host's /proc; a directory there is only a
   * picture of a process, and the process with that ID would be one of this machine.
   */
  public shutDown(): void {
    const supervise = this.has("/run/supervise.pid") ? [this.read("/run/supervise.pid").trim()] : [];
    const processes = readdirSync(this.path("/proc"), { withFileTypes: true }).filter((entry) =>
      entry.isSymbolicLink(),
    );
    for (const pid of [...supervise, ...processes.map(({ name }) => name)]) {
      if (!/^[1-9]\d*$/.test(pid)) continue;
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // The process has already ended.
      }
    }
  }

  private get facts(): string {
    return memberFacts("stack/etcd", this.cluster, this.member, RESOURCES);
  }

  /** Runs a whole program, in which a word stands for the scripts. */
  public program(lines: readonly string[]): Run {
    const texts: { [word: string]: string } = {
      [HOST_SCRIPTS]: this.scripts,
      [REMOVAL_SCRIPTS]: this.here(REMOVAL_TEXT),
    };
    return this.runFile(lines.map((line) => texts[line] ?? line).join("\n"));
  }

  private get scripts(): string {
    return this.here(HOST_TEXT);
  }

  /** The scripts, with paths that lead into this host's directory. */
  private here(scripts: string): string {
    const text = scripts.replace(SYSTEM_PATHS, "@").replace(SYSTEM_PATH_VARIABLE, `PATH=@/stubs:@/bin`);
    const foreign = FOREIGN_PATH.exec(text);
    if (foreign) throw new Error(`the scripts name a place that no test host has: ${foreign[0]}`);
    return text.replace(/@(?=\/)/g, this.root);
  }

  private runFile(text: string, uid?: number): Run {
    const file = this.path(`/home/run-${(this.runs += 1)}.sh`);
    writeFileSync(file, text);
    const { status, stdout } = spawnSync(this.path("/bin/sh"), ["-c", '"$0" "$1" 2>&1', this.path("/bin/sh"), file], {
      encoding: "utf8",
      env: { HOME: this.path("/home"), PATH: `${this.path("/stubs")}:${this.path("/bin")}`, ...this.environment },
      uid,
      timeout: 30_000,
    });
    const untidy = UNTIDY.exec(stdout);
    if (untidy) throw new Error(`a message has a list that ends in a blank, or an empty word: ${untidy[0]}`);
    return { code: status, lines: lines(stdout.split(this.root).join("")) };
  }
}

function lines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

const found = new Map<string, string>();

function which(tool: string): string {
  if (!found.has(tool)) {
    const path = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
      .map((directory) => join(directory, tool))
      .find((candidate) => existsSync(candidate));
    if (!path) throw new Error(`${tool} is needed to test the host scripts, and is not on this machine`);
    found.set(tool, path);
  }
  return found.get(tool) as string;
}
