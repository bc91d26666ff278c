import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { memberFacts } from "../../src/provision/member-facts";
import { EtcdBackups } from "../../src/settings";
import { FakeCluster, installBinaries, listenOn } from "../support/fake-etcd";
import { type Host, RECORD, RESOURCES } from "../support/host";
import { HEALTH, rolloutData } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";
import { HOST_SCRIPTS } from "../support/synth";

/** The uid of nobody, a user that every system has and that has no rights. */
const NOBODY = 65534;

/** Lets the user nobody into the host's directory and gives that user the home directory. */
function open(host: Host): Host {
  chmodSync(host.path("/"), 0o755);
  chownSync(host.path("/home"), NOBODY, NOBODY);
  return host;
}

let listener: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  listener = await listenOn("127.0.0.1");
});
afterAll(() => listener.close());

inEachShell((newHost) => {
  test("open_inbox creates a directory that only the SSH user can enter, and does not use sudo", () => {
    const host = newHost();
    host.stub("sudo", RECORD);
    expect(host.phase("open_inbox")).toEqual({ code: 0, lines: [] });
    expect(statSync(host.path("/home/.cdktf-etcd/a")).mode & 0o777).toBe(0o700);
    expect(host.calls("sudo")).toEqual([]);
  });

  test("open_inbox waits while another deploy's inbox exists, so that neither deploy deletes the other's key", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", "of another deploy");
    const inbox = host.path("/home/.cdktf-etcd/a");
    const went = host.call(`inbox=${inbox}; (sleep 0.5; rm -r $inbox) & open_inbox; ls $inbox`);
    expect(went).toEqual({ code: 0, lines: [] });
    expect(statSync(host.path("/home/.cdktf-etcd/a")).mode & 0o777).toBe(0o700);
  });

  test("open_inbox empties an inbox that a killed deploy left: this deploy's program may name no mirror any more", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd/a/archive-url", "of a killed deploy");
    chmodSync(host.path("/home/.cdktf-etcd/a"), 0o755);
    expect(host.call(`inbox=${host.path("/home/.cdktf-etcd/a")}; wait_until() { shift; "$@"; }; open_inbox`)).toEqual({
      code: 0,
      lines: [],
    });
    expect(host.list("/home/.cdktf-etcd/a")).toEqual([]);
    expect(statSync(host.path("/home/.cdktf-etcd/a")).mode & 0o777).toBe(0o700);
  });

  test("a phase deletes its script, because a killed Terraform would leave it behind", () => {
    const host = newHost();
    host.phase("shutdown", { REMOVAL_POLICY: "retain" });
    host.phase("open_inbox");
    expect(host.list("/home")).toEqual([".cdktf-etcd"]);
  });

  test("a phase runs as Terraform calls it, without arguments", () => {
    const host = newHost();
    expect(host.phase("shutdown", { REMOVAL_POLICY: "destroy" })).toEqual({ code: 0, lines: [] });
  });

  test("the exit codes of a refusal and of a failure reach Terraform", () => {
    const host = newHost();
    expect(host.phase("rollout", rolloutData(host)).code).toBe(3);
    installBinaries(host);
    expect(host.phase("health", HEALTH).code).toBe(1);
  });

  test("no phase fails without a message, not even because of an error in the scripts", () => {
    const host = newHost();
    host.stub("mkdir", "exit 7");
    expect(host.phase("shutdown", { REMOVAL_POLICY: "retain" })).toEqual({
      code: 1,
      lines: [
        "a on host-a: shutdown failed: a command exited with code 7; to do: correct that, and apply again; if it happens again, report it together with the lines above",
      ],
    });
  });

  test("if /run is full, what a command complains of is printed directly", () => {
    const host = newHost();
    const run = host.call("trap '' XFSZ; ulimit -f 0; keep_errors; echo 'no room' >&2; explain_exit 1");
    expect(run.lines).toEqual(["no room", expect.stringMatching(/a command exited with code 1/)]);
    expect(host.list("/run")).toEqual([]);
  });

  testAsRoot.each([
    ["no sudo", undefined, "there is no sudo"],
    [
      "a sudo that asks for a password",
      "echo 'sudo: a password is required' >&2; exit 1",
      "sudo: a password is required",
    ],
    [
      "a sudo that runs no command that starts another one (noexec)",
      `shift; [ "$1" != env ] || { echo "env: 'timeout': Permission denied" >&2; exit 126; }`,
      "env: 'timeout': Permission denied",
    ],
  ])("a user who is not root and has %s is refused with the reason, and nothing is changed", (_, sudo, reason) => {
    const host = open(newHost());
    if (sudo !== undefined) host.stub("sudo", sudo);
    const before = host.list("/");
    expect(host.phase("shutdown", {}, { uid: NOBODY })).toEqual({
      code: 3,
      lines: [
        `a on host-a: shutdown refused: no right to become root: the user nobody is not root and 'sudo -n' does not run this script: ${reason}; to do: log in as root, or give nobody NOPASSWD: ALL in sudoers, without noexec`,
      ],
    });
    expect(host.list("/")).toEqual(before);
  });

  testAsRoot("a home directory that root cannot read is refused, with what to do", () => {
    const host = open(newHost());
    host.stub("sudo", 'shift; [ "$1" != test ]');
    const run = host.phase("shutdown", {}, { uid: NOBODY });
    expect(run).toEqual({
      code: 3,
      lines: [
        "a on host-a: shutdown refused: script: root cannot read /home/run-1.sh; a home directory on NFS may deny access to root; to do: set ssh.scriptPath to a file on a local disk of the host, in a directory that only nobody can enter",
      ],
    });
  });

  testAsRoot("a sudo that asks for no password runs the same file again and passes on the SSH user's inbox", () => {
    const host = open(newHost());
    host.stub("sudo", RECORD);
    // The user nobody must be able to write to this file.
    host.write("/stubs/sudo.calls", "", 0o666);
    expect(host.phase("shutdown", {}, { uid: NOBODY })).toEqual({ code: 0, lines: [] });
    expect(host.calls("sudo")).toEqual([
      expect.stringMatching(/^-n env -i PATH=[^ ]* timeout 20 sh -c :$/),
      `-n test -r ${host.path("/home/run-1.sh")}`,
      expect.stringMatching(
        `^-n env -i PATH=[^ ]* LC_ALL=C HOME=[^ ]* timeout -k 30 60 sh ${host.path("/home/run-1.sh")} as-root ${host.path("/home/.cdktf-etcd/a")} [0-9]+$`,
      ),
    ]);
  });

  test("a phase that takes too long is ended with a message", () => {
    const host = newHost();
    installBinaries(host);
    host.write("/opt/etcd-v3.6.14/etcdctl", "#!/bin/sh\nsleep 30\n", 0o755);
    const started = Date.now();
    const run = host.phase("health", HEALTH, { seconds: 1 });
    expect(run.code).toBe(1);
    // Before this line, the shell may print that its child process was terminated.
    expect(run.lines.at(-1)).toBe(
      "a on host-a: health failed: it did not finish within 1 s; to do: look at the last line above, and apply again",
    );
    expect(Date.now() - started).toBeLessThan(10000);
  });

  test("a phase names the place whose disk or file server hangs, before it waits for it itself", () => {
    const host = newHost({ props: { backups: EtcdBackups.onHosts({ directory: "/data/backups" }) } });
    const run = (phase: string, places: string, seconds = 1) => {
      const hang = `case "$*" in -f*${places}*) exec sleep 60 ;; esac; exec '${host.path("/bin/ls")}' "$@"`;
      host.stub("ls", hang);
      return doing(host, phase, "say looks", 60, `ANSWER_SECONDS=${seconds}`);
    };
    const refused = (phase: string, place: string) => ({
      code: 3,
      lines: [
        `a on host-a: ${phase} refused: file system: ${place} cannot be listed within 1 s: its disk hangs, or its file server is gone; to do: bring that disk or server back, or unmount it (umount -l), and apply again`,
      ],
    });
    expect(run("rollout", "/data/etcd/member/wal")).toEqual(refused("rollout", "/data/etcd/member/wal"));
    expect(run("preflight", "/data/backups")).toEqual(refused("preflight", "/data/backups"));
    // It does not look at the backups.
    expect(run("rollout", "/data/backups", 10)).toEqual({ code: 0, lines: ["a on host-a: rollout: looks"] });
    // A removal knows their directory from the claim only.
    host.write("/var/lib/cdktf-etcd/a/claim", "backup_dir=/srv/backups\n");
    host.stub("ls", `case "$*" in -f*" /srv/backups") exec sleep 60 ;; esac`);
    expect(host.call("ANSWER_SECONDS=1 BACKUP_DIR=; refuse_silent_places", { PHASE: "shutdown" }).lines).toEqual(
      refused("shutdown", "/srv/backups").lines,
    );
  });

  test("a phase that has started continues when Terraform is gone", () => {
    const host = newHost();
    const run = host.call(`
      phase_health() { kill -HUP $$; say "nobody reads this" >&-; : >"${host.path("/home/done")}"; }
      set -- as-root inbox 0
      main health 60 "$@"`);
    expect(run).toEqual({ code: 0, lines: [] });
    expect(host.has("/home/done")).toBe(true);
  });

  test("a phase that has started does not end at a line that it prints when its SSH connection is gone", () => {
    const host = newHost();
    const run = host.call(`
      phase_health() {
        mkfifo "$HOME/connection"
        : <"$HOME/connection" &
        exec >"$HOME/connection"
        wait
        say "nobody reads this"
        : >"${host.path("/home/done")}"
      }
      set -- as-root inbox 0
      main health 60 "$@"`);
    expect(run).toEqual({ code: 0, lines: [] });
    expect(host.has("/home/done")).toBe(true);
  });

  /** Runs a phase whose function consists of this text. */
  const doing = (host: Host, phase: string, text: string, seconds = 60, settings = "") =>
    host.program([
      "set -eu",
      memberFacts("stack/etcd", host.cluster, host.member, RESOURCES),
      HOST_SCRIPTS,
      settings,
      `phase_${phase}() { ${text}; }`,
      `main ${phase} ${seconds} "$@"`,
    ]);

  test("bash before 5.1 finds room for a phase's here-documents although /tmp is full", () => {
    const host = newHost();
    expect(doing(host, "health", 'ls -d "$TMPDIR"; sh -c "echo \\${TMPDIR-none}"')).toEqual({
      code: 0,
      lines: ["/run/cdktf-etcd", "none"],
    });
  });

  test("a phase that is ended in the middle deletes the key in its inbox and gives back the turn", () => {
    const host = newHost({ props: { ports: { client: listener.port } } });
    installBinaries(host);
    const cluster = new FakeCluster(host);
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", "secret");
    const run = doing(host, "stage", "turn=7; sleep 30", 1);
    expect(run.lines.at(-1)).toMatch(/stage failed: it did not finish within 1 s/);
    expect(host.list("/home")).toEqual([]);
    expect(cluster.calls()).toEqual(["a lease revoke 7"]);
  });

  test("a phase says why it ended also if it cannot clean up, as on a disk that has become read-only", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", "secret");
    const broken = 'rm() { echo "rm: Read-only file system" >&2; return 1; }; cat nothing';
    expect(doing(host, "stage", broken)).toEqual({
      code: 1,
      lines: [
        "a on host-a: stage failed: cat: nothing: No such file or directory; to do: correct that, and apply again; if it happens again, report it together with the lines above",
      ],
    });
  });

  test("a phase that takes too long says so also if the clock was set back meanwhile", () => {
    const host = newHost();
    host.stub("date", `${RECORD}; [ "$(wc -l <"$CALLS")" -eq 1 ] || set -- -d @1000000000 "$@"; exec /bin/date "$@"`);
    expect(doing(host, "health", "sleep 30", 1).lines.at(-1)).toMatch(/health failed: it did not finish within 1 s;/);
  });

  test("a phase whose timeout was ended by a signal says so, although that of uutils ends as if time were up", () => {
    const host = newHost();
    host.stub("timeout", "exit 124");
    expect(doing(host, "health", ":").lines.at(-1)).toMatch(/health failed: it was ended by signal 15;/);
  });

  test("a phase that is ended by a signal says so", () => {
    const host = newHost();
    const run = doing(host, "health", "kill -TERM $$; sleep 1");
    expect(run).toEqual({
      code: 1,
      lines: [
        "a on host-a: health failed: it was ended by signal 15; to do: find out who or what sent that signal on this host, and apply again",
      ],
    });
  });

  test("nothing of the login environment reaches a phase, except the proxy settings, which reach its downloads", () => {
    const host = newHost();
    host.environment = {
      ETCDCTL_ENDPOINTS: "https://elsewhere:2379",
      ETCDCTL_CACERT: "/x",
      GREP_OPTIONS: "-v",
      TAR_OPTIONS: "--owner=daemon",
      POSIXLY_CORRECT: "1",
      CDPATH: "/",
      BASH_ENV: "/x",
      ENV: "/x",
      PYTHONPATH: "/x",
      OPENSSL_CONF: "/x",
      TMPDIR: "/x",
      "BASH_FUNC_id%%": "() { echo 4711; }",
      MEMBER: "other",
      https_proxy: "http://user:secret@proxy:3128",
      NO_PROXY: "localhost",
    };
    const run = doing(host, "health", "env; echo --; with_proxy env");
    const names = (lines: string[]) =>
      lines.map((line) => line.split("=")[0]).filter((name) => !/^(PWD|OLDPWD|SHLVL|_)$/.test(name));
    expect(run.code).toBe(0);
    const end = run.lines.indexOf("--");
    expect(names(run.lines.slice(0, end)).sort()).toEqual(["HOME", "LC_ALL", "PATH"]);
    expect(names(run.lines.slice(end + 1)).sort()).toEqual(["HOME", "LC_ALL", "NO_PROXY", "PATH", "https_proxy"]);
    expect(run.lines).toContain("https_proxy=http://user:secret@proxy:3128");
  });

  test("the password of a proxy appears in no command line", () => {
    const host = newHost();
    host.environment = { https_proxy: "http://user:secret@proxy:3128" };
    const run = doing(
      host,
      "health",
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c secre[t]@proxy || true",
    );
    expect(run.lines).toEqual(["0"]);
  });

  test("a script in a directory that others can enter is refused before it becomes root", () => {
    const host = newHost();
    installBinaries(host);
    const said = (run: { code: number | null; lines: string[] }) => [run.code, ...run.lines];
    // The directory that encloses the host's home is private in tests, so it is opened here.
    chmodSync(host.path("/"), 0o755);
    chmodSync(host.path("/home"), 0o711);
    const refused = said(doing(host, "health", "echo ran"));
    expect(refused[0]).toBe(3);
    expect(refused[1]).toMatch(
      /^a on host-a: health refused: script: other users can enter \/home, so they could change the script that Terraform uploads there before it becomes root; to do: chmod 700 \/home; or set ssh\.scriptPath to a file in a directory that only \w+ can enter; somebody may already have changed this very script, so check what has run on this host$/,
    );
    chmodSync(host.path("/home"), 0o700);
    expect(said(doing(host, "health", "echo ran"))).toEqual([0, "ran"]);
  });

  testAsRoot("a private directory that another user can rename does not count as private", () => {
    const host = newHost();
    chownSync(host.path("/"), NOBODY, NOBODY);
    chmodSync(host.path("/"), 0o755);
    expect(doing(host, "health", "echo ran").lines[0]).toMatch(
      /^a on host-a: health refused: script: other users can change .*, so they could replace \/home with a directory of their own; to do: chmod go-w .*; or set ssh\.scriptPath to /,
    );
  });

  testAsRoot(
    "a home directory that belongs to another user or that a group can enter does not count as private",
    () => {
      const host = newHost();
      chmodSync(host.path("/"), 0o755);
      const said = () => doing(host, "health", "echo ran").lines;
      chownSync(host.path("/home"), NOBODY, NOBODY);
      expect(said()[0]).toMatch(/refused: script/);
      chownSync(host.path("/home"), 0, 0);
      expect(said()).toEqual(["ran"]);
      // A group's list of members lacks the users whose primary group it is, so the group may contain others.
      chmodSync(host.path("/home"), 0o750);
      expect(said()[0]).toMatch(/refused: script/);
    },
  );

  test("an inbox that cannot be created is refused in one line", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd", "a file of somebody's");
    const run = host.phase("open_inbox");
    expect(run.code).toBe(3);
    expect(run.lines).toEqual([
      expect.stringMatching(
        /^a on host-a: open_inbox refused: upload: \w+ cannot create \/home\/\.cdktf-etcd: mkdir: .*File exists; to do: give \w+ write permission on \/home and ownership of what is in it, or set ssh\.scriptPath to a file in another directory that only \w+ can enter$/,
      ),
    ]);
  });

  test("the empty file that Terraform leaves in place of its script is deleted, and no other file is", async () => {
    const host = newHost();
    expect(doing(host, "health", ":").code).toBe(0);
    // In this order, and the first one in one step, because it may be deleted at once.
    host.write("/home/run-3.sh", "");
    writeFileSync(host.path("/home/run-1.sh"), "");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(host.list("/home")).toEqual(["run-3.sh"]);
  });

  describe("the lock", () => {
    test("a phase waits for another deploy on the same member, and says so", () => {
      const host = newHost();
      const lock = host.path("/run/cdktf-etcd/a.lock");
      const run = host.call(`
        mkdir -p "${host.path("/run/cdktf-etcd")}"
        (flock 9; : >"${host.path("/run/held")}"; sleep 0.5; echo other done) 9>"${lock}" &
        wait_until 5 test -e "${host.path("/run/held")}"
        take_lock
        echo ours`);
      expect(run).toEqual({
        code: 0,
        lines: [
          "a on host-a: test: another deploy is working on this member, waiting for it to finish",
          "other done",
          "ours",
        ],
      });
    });

    test("a phase is refused if the other deploy does not end within a minute", () => {
      const host = newHost();
      host.stub("flock", `${RECORD}; exit 1`);
      host.write("/run/cdktf-etcd/a.lock", "77\n");
      expect(host.call("take_lock")).toEqual({
        code: 3,
        lines: [
          "a on host-a: test: another deploy is working on this member, waiting for it to finish",
          "a on host-a: test refused: locked: another deploy has been working on this member for a minute (process 77 on this host); to do: wait for that process to end, or end it with kill, and apply again",
        ],
      });
      expect(host.calls("flock")).toEqual(["-n 9", "-w 60 9"]);
    });

    test("a full /run stops no phase", () => {
      const host = newHost();
      mkdirSync(host.path("/run/cdktf-etcd"));
      symlinkSync("/dev/full", host.path("/run/cdktf-etcd/a.lock"));
      expect(host.call("take_lock; echo ours")).toEqual({ code: 0, lines: ["ours"] });
    });

    test("a free lock is taken without a message and is released with its process", () => {
      const host = newHost();
      expect(host.call("take_lock")).toEqual({ code: 0, lines: [] });
      expect(host.call("take_lock")).toEqual({ code: 0, lines: [] });
    });
  });
});
