import { spawn } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import type { Host } from "../support/host";
import { inEachShell, testAsRoot } from "../support/shells";

/** The uid of a user that is neither root nor etcd's user. */
const SOMEBODY = 12345;

inEachShell((newHost) => {
  const untrusted = (host: Host, path: string) => host.call(`untrusted "${host.path(path)}"`).lines;

  test("a path that only root can change is trusted, even if it does not exist yet", () => {
    const host = newHost();
    expect(untrusted(host, "/opt")).toEqual([]);
    expect(untrusted(host, "/opt/not/there/yet")).toEqual([]);
  });

  testAsRoot.each([
    ["the directory itself belongs to another user", "/srv/a/b", (path: string) => chownSync(path, SOMEBODY, 0)],
    ["a directory above it belongs to another user", "/srv/a", (path: string) => chownSync(path, SOMEBODY, 0)],
    ["all users can write to a directory above it", "/srv/a", (path: string) => chmodSync(path, 0o757)],
    [
      "a group can write to a directory above it",
      "/srv/a",
      (path: string) => (chownSync(path, 0, 50), chmodSync(path, 0o2775)),
    ],
    [
      "all users can write to the directory itself, even with the sticky bit",
      "/srv/a/b",
      (path: string) => chmodSync(path, 0o1777),
    ],
  ])("a path is not trusted if %s", (_, path, change) => {
    const host = newHost();
    mkdirSync(host.path("/srv/a/b"), { recursive: true });
    change(host.path(path));
    expect(untrusted(host, "/srv/a/b")).toEqual([path]);
  });

  testAsRoot("a link of root's is trusted as far as the place to which it leads", () => {
    const host = newHost();
    mkdirSync(host.path("/srv/a/b"), { recursive: true });
    writeFileSync(host.path("/srv/a/b/file"), "");
    symlinkSync(host.path("/srv/a/b"), host.path("/opt/b"));
    symlinkSync("b/file", host.path("/opt/file"));
    symlinkSync("circle", host.path("/opt/circle"));
    expect(untrusted(host, "/opt/file")).toEqual([]);
    expect(untrusted(host, "/opt/circle")).toEqual([]);
    chownSync(host.path("/srv/a"), SOMEBODY, 0);
    for (const path of ["/opt/file", "/opt/b/file", "/opt/b/not/there", "/opt/b"]) {
      expect(untrusted(host, path)).toEqual(["/srv/a"]);
    }
  });

  testAsRoot("the directory of a link on the way from one link to the next counts, too", () => {
    const host = newHost();
    host.write("/backups/snapshot.db", "");
    mkdirSync(host.path("/theirs"));
    symlinkSync("../backups", host.path("/theirs/current"));
    symlinkSync("theirs/current", host.path("/latest"));
    for (const [from, to] of ["12", "23", "31"]) symlinkSync(to, host.path(`/opt/${from}`));
    expect(untrusted(host, "/latest/snapshot.db")).toEqual([]);
    expect(untrusted(host, "/opt/1/x")).toEqual([]);
    chownSync(host.path("/theirs"), SOMEBODY, 0);
    for (const path of ["/latest", "/latest/snapshot.db", "/latest/not/there"]) {
      expect(untrusted(host, path)).toEqual(["/theirs"]);
    }
    expect(host.call(`put_file "${host.path("/latest/file")}" 600 root:root text`).lines.join()).toContain(
      "/latest/file cannot be written: /theirs can be changed by users other than root",
    );
  });

  test("a path is not trusted if a part of it is not listed, because that has just vanished", () => {
    const host = newHost();
    host.stub("ls", "exit 2");
    expect(host.call("untrusted /opt")).toEqual({ code: 0, lines: ["/"] });
  });

  test("a missing path is not trusted below a directory that all users can write to, even with the sticky bit, because anybody can create it", () => {
    const host = newHost();
    mkdirSync(host.path("/srv"));
    chmodSync(host.path("/srv"), 0o1777);
    expect(untrusted(host, "/srv/not/there")).toEqual(["/srv"]);
  });

  testAsRoot(
    "a directory of root is trusted below one with the sticky bit, and also if the group root can write to it",
    () => {
      const host = newHost();
      mkdirSync(host.path("/srv/a/b"), { recursive: true });
      chmodSync(host.path("/srv"), 0o1777);
      chmodSync(host.path("/srv/a"), 0o775);
      expect(untrusted(host, "/srv/a/b")).toEqual([]);
    },
  );

  test("of two flags with the same name the last one counts, as in etcd", () => {
    expect(
      newHost().call(`process_arguments=$(printf '\\n--name=a\\n--name=b\\n'); look_for_value name; echo "$flag_value"`)
        .lines,
    ).toEqual(["b"]);
  });

  test("a command that runs as etcd's user does not inherit the phase's open locks and files, which other processes of that user could use", () => {
    const host = newHost();
    const open = (command: string) =>
      host.call(`take_lock; keep_errors; exec 7>&9; ${command} sh -c 'ls /proc/$$/fd' 2>&1`);
    expect(open("").lines).toEqual(expect.arrayContaining(["7", "9"]));
    for (const fd of ["7", "8", "9"]) expect(open("as_etcd").lines).not.toContain(fd);
    expect(host.call('stat -c %a "$LOCK"').lines).toEqual(["600"]);
  });

  testAsRoot(
    "put_file writes nothing into a directory that another user can write to, and prints only its own line",
    () => {
      const host = newHost();
      mkdirSync(host.path("/srv/theirs"), { recursive: true });
      chownSync(host.path("/srv/theirs"), SOMEBODY, SOMEBODY);
      const run = host.call(
        `trap 'leave $?' EXIT; printf secret | put_file "${host.path("/srv/theirs/file")}" 600 root:root`,
      );
      expect(run.code).not.toBe(0);
      expect(run.lines).toEqual([
        expect.stringMatching(
          /^a on host-a: test failed: \/srv\/theirs\/file cannot be written: \/srv\/theirs can be changed by users other than root \(.*, mode 755\); to do: chown root:root \/srv\/theirs && chmod go-w \/srv\/theirs, and apply again$/,
        ),
      ]);
      expect(host.list("/srv/theirs")).toEqual([]);
    },
  );

  test("put_file replaces a link, even one to a directory, and never its target", () => {
    const host = newHost();
    host.write("/srv/victim/file", "whole");
    symlinkSync("victim", host.path("/srv/directory"));
    symlinkSync("victim/file", host.path("/srv/file"));
    symlinkSync("victim/file", host.path("/srv/.other.aside"));
    host.call(
      `for name in directory file other; do echo new | put_file "${host.path("/srv")}/$name" 600 root:root; done`,
    );
    for (const name of ["directory", "file", "other"]) expect(lstatSync(host.path(`/srv/${name}`)).isFile()).toBe(true);
    expect(host.read("/srv/victim/file")).toBe("whole");
    expect(host.list("/srv")).toEqual(["directory", "file", "other", "victim"]);
  });

  test("a file that cannot be written gives one line with the reason", () => {
    const host = newHost();
    host.stub("dd", "echo 'dd: writing: No space left on device' >&2; exit 1");
    const run = host.call(`trap 'leave $?' EXIT; echo x | put_file "${host.path("/opt/file")}" 644 root:root`);
    expect(run.lines).toEqual([
      "a on host-a: test failed: /opt/file cannot be written: dd: writing: No space left on device; to do: make sure that /opt is writable and has free space, and apply again",
    ]);
    expect(run.code).not.toBe(0);
    expect(host.list("/opt")).toEqual([]);
  });

  testAsRoot("etcd's own tools run as root only if nobody else can have installed them", () => {
    const host = newHost();
    const etcdctl = (path: string) => {
      host.write(path, "#!/bin/sh\necho called\n", 0o755);
      return host.path(path);
    };
    etcdctl("/opt/etcd-v3.5.33/etcdctl");
    symlinkSync("etcd-v3.5.33", host.path("/opt/etcd"));
    host.call("etcdctl_at https://127.0.0.1:1 member list");
    expect(host.calls("setpriv")).toEqual([]);

    chownSync(host.path("/opt/etcd-v3.5.33/etcdctl"), SOMEBODY, SOMEBODY);
    host.call("etcdctl_at https://127.0.0.1:1 member list");
    expect(host.calls("setpriv").join()).toMatch(
      /^--reuid=[1-9]\d* --regid=\d+ --clear-groups \S*\/opt\/etcd-v3\.5\.33\/etcdctl /,
    );

    // Once root has unpacked the new version, its etcdctl is used.
    host.forgetCalls();
    etcdctl("/opt/etcd-v3.6.14/etcdctl");
    host.call("etcdctl_at https://127.0.0.1:1 member list");
    expect(host.calls("setpriv")).toEqual([]);
  });

  /** Starts a process that calls itself the etcd of this member. */
  function startEtcd(host: Host, uid: number): string {
    chmodSync(host.root, 0o755);
    if (!host.has("/srv/etcd")) host.write("/srv/etcd", readFileSync("/bin/sh"), 0o755);
    const { pid } = spawn(host.path("/srv/etcd"), ["-c", "read -r _", "etcd", "--name=a"], { uid, stdio: "pipe" });
    symlinkSync(`/proc/${pid}`, host.path(`/proc/${pid}`));
    return String(pid);
  }

  testAsRoot("a process of another user is not this member's etcd, whatever it calls itself", () => {
    const host = newHost();
    startEtcd(host, SOMEBODY);
    const own = startEtcd(host, 0);
    expect(host.call("own_pid").lines).toEqual([own]);
  });

  testAsRoot("nor is one of the user etcd, if that is the user of another cluster on this host", () => {
    const host = newHost();
    host.stub("id", `[ "$*" != "-u etcd" ] || { echo ${SOMEBODY}; exit; }; exec '${host.path("/bin/id")}' "$@"`);
    const others = startEtcd(host, SOMEBODY);
    const found = () => host.call("know_member_uids; own_pid").lines;
    // A member without a claim may run as that user: one that 0.1.0 has deployed.
    expect(found()).toEqual([others]);
    host.call("claim_host");
    expect(found()).toEqual([]);
  });

  test("link_in prints the first link in a path", () => {
    const host = newHost();
    mkdirSync(host.path("/srv/real"), { recursive: true });
    writeFileSync(host.path("/srv/real/x"), "");
    symlinkSync("real", host.path("/srv/link"));
    expect(host.call(`link_in "${host.path("/srv/link/x")}"; link_in "${host.path("/srv/real/x")}"`).lines).toEqual([
      "/srv/link",
    ]);
  });
});
