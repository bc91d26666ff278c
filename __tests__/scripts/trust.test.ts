import { spawn } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import type { Host } from "../support/host";
import { inEachShell, testAsRoot } from "../support/shells";

/** A user that is neither root nor etcd's. */
const SOMEBODY = 12345;

inEachShell((newHost) => {
  const untrusted = (host: Host, path: string) => host.call(`untrusted "${host.path(path)}"`).lines;

  test("what only root can change is trusted, also where it does not exist yet", () => {
    const host = newHost();
    expect(untrusted(host, "/opt")).toEqual([]);
    expect(untrusted(host, "/opt/not/there/yet")).toEqual([]);
  });

  testAsRoot.each([
    ["the directory itself", "/srv/a/b", (path: string) => chownSync(path, SOMEBODY, 0)],
    ["a directory above it", "/srv/a", (path: string) => chownSync(path, SOMEBODY, 0)],
    ["one that all may write", "/srv/a", (path: string) => chmodSync(path, 0o757)],
    ["one that a group may write", "/srv/a", (path: string) => (chownSync(path, 0, 50), chmodSync(path, 0o2775))],
    ["one with the sticky bit, at the end", "/srv/a/b", (path: string) => chmodSync(path, 0o1777)],
  ])("not so %s", (_, path, change) => {
    const host = newHost();
    mkdirSync(host.path("/srv/a/b"), { recursive: true });
    change(host.path(path));
    expect(untrusted(host, "/srv/a/b")).toEqual([path]);
  });

  test("not so what is missing below a directory that all may write, also with the sticky bit: anybody can make it", () => {
    const host = newHost();
    mkdirSync(host.path("/srv"));
    chmodSync(host.path("/srv"), 0o1777);
    expect(untrusted(host, "/srv/not/there")).toEqual(["/srv"]);
  });

  testAsRoot("a directory with the sticky bit above root's own is trusted, and one of the group root", () => {
    const host = newHost();
    mkdirSync(host.path("/srv/a/b"), { recursive: true });
    chmodSync(host.path("/srv"), 0o1777);
    chmodSync(host.path("/srv/a"), 0o775);
    expect(untrusted(host, "/srv/a/b")).toEqual([]);
  });

  test("of two flags the last one counts, as to etcd", () => {
    expect(newHost().call(`value_in "$(printf '\\n--name=a\\n--name=b\\n')" name`).lines).toEqual(["b"]);
  });

  test("what runs as etcd's user has none of the phase's locks and files open, which others of that user could take", () => {
    const host = newHost();
    const open = (command: string) =>
      host.call(`take_lock; keep_errors; exec 7>&9; ${command} sh -c 'ls /proc/$$/fd' 2>&1`);
    expect(open("").lines).toEqual(expect.arrayContaining(["7", "9"]));
    for (const fd of ["7", "8", "9"]) expect(open("as_etcd").lines).not.toContain(fd);
    expect(host.call('stat -c %a "$LOCK"').lines).toEqual(["600"]);
  });

  testAsRoot("put_file writes nothing where somebody else can write: its line is the only one", () => {
    const host = newHost();
    mkdirSync(host.path("/srv/theirs"), { recursive: true });
    chownSync(host.path("/srv/theirs"), SOMEBODY, SOMEBODY);
    const run = host.call(
      `trap 'leave $?' EXIT; printf secret | put_file "${host.path("/srv/theirs/file")}" 600 root:root`,
    );
    expect(run.code).not.toBe(0);
    expect(run.lines).toEqual([
      expect.stringMatching(
        /^a on host-a: test failed: \/srv\/theirs\/file cannot be written: \/srv\/theirs can be changed by others than root \(.*, mode 755\); to do: chown root:root \/srv\/theirs && chmod go-w \/srv\/theirs, and apply again$/,
      ),
    ]);
    expect(host.list("/srv/theirs")).toEqual([]);
  });

  test("put_file replaces a link, also one to a directory, and never what it leads to", () => {
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

  test("a file that cannot be written is one line with the reason", () => {
    const host = newHost();
    host.stub("cat", "echo 'cat: write error: No space left on device' >&2; exit 1");
    const run = host.call(`trap 'leave $?' EXIT; echo x | put_file "${host.path("/opt/file")}" 644 root:root`);
    expect(run.lines).toEqual([
      "a on host-a: test failed: /opt/file cannot be written: cat: write error: No space left on device; to do: see that there is room in /opt and that it can be written, and apply again",
    ]);
    expect(run.code).not.toBe(0);
    expect(host.list("/opt")).toEqual([]);
  });

  testAsRoot("etcd's own tools run as root only where nobody else can have put them", () => {
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

    // Once the new version is unpacked by root, that one is asked.
    host.forgetCalls();
    etcdctl("/opt/etcd-v3.6.14/etcdctl");
    host.call("etcdctl_at https://127.0.0.1:1 member list");
    expect(host.calls("setpriv")).toEqual([]);
  });

  testAsRoot("a process of another user's is no etcd of this member's, whatever it calls itself", () => {
    const host = newHost();
    chmodSync(host.root, 0o755);
    host.write("/srv/etcd", readFileSync("/bin/sh"), 0o755);
    const start = (uid: number) => {
      const { pid } = spawn(host.path("/srv/etcd"), ["-c", "read -r _", "etcd", "--name=a"], { uid, stdio: "pipe" });
      symlinkSync(`/proc/${pid}`, host.path(`/proc/${pid}`));
      return String(pid);
    };
    start(SOMEBODY);
    const own = start(0);
    expect(host.call("own_pid").lines).toEqual([own]);
  });

  test("link_in names the first link of a path", () => {
    const host = newHost();
    mkdirSync(host.path("/srv/real"), { recursive: true });
    writeFileSync(host.path("/srv/real/x"), "");
    symlinkSync("real", host.path("/srv/link"));
    expect(host.call(`link_in "${host.path("/srv/link/x")}"; link_in "${host.path("/srv/real/x")}"`).lines).toEqual([
      "/srv/link",
    ]);
  });
});
