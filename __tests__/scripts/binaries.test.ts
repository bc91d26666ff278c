import { lstatSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { EtcdRelease } from "../../src/release/etcd-release";
import { changedArchive, sha256, testArchive } from "../support/archive";
import { installBinaries } from "../support/fake-etcd";
import { installSupervisor } from "../support/fake-supervisor";
import { type Host, RECORD } from "../support/host";
import { inEachShell, testAsRoot } from "../support/shells";

const archive = testArchive();
const mirror = (digest: string) =>
  EtcdRelease.mirror("https://mirror.example/etcd", { sha256: digest, sha256Arm64: "b".repeat(64) });

inEachShell((newHost) => {
  /** A host on which curl downloads `served` and the digest must be `digest`. */
  function hostWith({ served = archive, digest = sha256(archive) } = {}) {
    const host = newHost({ props: { release: mirror(digest) } });
    host.write("/served", served);
    host.stub("uname", "echo x86_64");
    host.stub(
      "curl",
      `${RECORD}; cat >>"$CALLS"; while [ "$1" != -o ]; do shift; done; cp '${host.path("/served")}' "$2"`,
    );
    return host;
  }

  /** The etcd binary in the archive. */
  const testBinary = (host: Host) => {
    host.write("/a.tar.gz", archive);
    return host.call(`tar -xzOf '${host.path("/a.tar.gz")}' --wildcards '*/etcd'`).lines.join("\n");
  };

  test("an archive is downloaded, checked, and unpacked beside other versions", () => {
    const host = hostWith();
    expect(host.call("install_binaries")).toEqual({
      code: 0,
      lines: ["a on host-a: test: unpacked etcd 3.6.14 to /opt/etcd-v3.6.14"],
    });
    expect(host.calls("curl").join()).toMatch(
      / --config -,url = "https:\/\/mirror\.example\/etcd\/v3\.6\.14\/etcd-v3\.6\.14-linux-amd64\.tar\.gz"$/,
    );
    expect(host.list("/opt")).toEqual(["etcd-v3.6.14"]);
    expect(host.list("/opt/etcd-v3.6.14")).toEqual([".sha256", "Documentation", "etcd", "etcdctl"]);
    expect(host.read("/opt/etcd-v3.6.14/.sha256")).toBe(`${sha256(archive)}\n`);
  });

  testAsRoot("all installed files belong to root, and nobody else can write to them", () => {
    const host = hostWith();
    host.call("umask 000; install_binaries");
    for (const path of ["", "/etcd", "/etcdctl", "/Documentation/big", "/.sha256"]) {
      const { uid, mode } = statSync(host.path(`/opt/etcd-v3.6.14${path}`));
      expect([path, uid, mode & 0o022]).toEqual([path, 0, 0]);
    }
  });

  test("a directory of the same name that this package did not create is left alone", () => {
    const host = hostWith();
    host.write("/opt/etcd-v3.6.14/etcd", "made by hand");
    expect(host.call("install_binaries")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: /opt/etcd-v3.6.14 was not made by this package; to do: move it away, or set paths.installRoot, and apply again",
      ],
    });
    expect(host.read("/opt/etcd-v3.6.14/etcd")).toBe("made by hand");
    expect(host.list("/opt")).toEqual(["etcd-v3.6.14"]);
  });

  test("a version is on the disk before it has its name, because its files could be empty after a power cut", () => {
    const host = hostWith();
    host.stub(
      "sync",
      `cd '${host.path("/opt")}' && ls -A >>"$CALLS"; for file; do echo "\${file##*/}"; done >>"$CALLS"`,
    );
    host.call("install_binaries");
    expect(host.calls("sync").slice(0, 1)).toEqual([".etcd-v3.6.14.aside"]);
    expect(host.calls("sync").slice(1).sort()).toEqual([".sha256", "big", "etcd", "etcdctl"]);
  });

  test.each(["etcd", "etcdctl"])("a version whose %s is empty, as after a power cut, is unpacked again", (tool) => {
    const host = hostWith();
    host.call("install_binaries");
    host.write(`/opt/etcd-v3.6.14/${tool}`, "", 0o755);
    expect(host.call("install_binaries")).toEqual({
      code: 0,
      lines: ["a on host-a: test: unpacked etcd 3.6.14 to /opt/etcd-v3.6.14"],
    });
    expect(host.read(`/opt/etcd-v3.6.14/${tool}`)).not.toBe("");
  });

  test("a version that is installed with the right digest is not downloaded again", () => {
    const host = hostWith();
    host.call("install_binaries");
    const before = host.calls("curl");
    expect(host.call("install_binaries")).toEqual({ code: 0, lines: [] });
    expect(host.calls("curl")).toEqual(before);
  });

  test("an archive with another digest is not unpacked, and nothing of it remains", () => {
    const host = hostWith({ digest: "c".repeat(64) });
    expect(host.call("install_binaries")).toEqual({
      code: 1,
      lines: [
        `a on host-a: test failed: the archive of etcd 3.6.14 has sha256 ${sha256(archive)}, not ${"c".repeat(64)}, and was not unpacked; to do: find out who changed it; provide the right archive or digest, and apply again`,
      ],
    });
    expect(host.list("/opt")).toEqual([]);
  });

  test.each([
    ["is gone, because another deploy has used the same inbox", () => {}],
    ["is empty", (host: Host) => host.write("/home/.cdktf-etcd/a/archive.tar.gz", "")],
  ])("an uploaded archive that %s is not one that somebody has changed", (_, upload) => {
    const host = hostWith();
    upload(host);
    const run = host.call(`install_binaries "$INBOX/archive.tar.gz"`);
    expect(run.lines).toEqual([
      "a on host-a: test failed: no archive in /home/.cdktf-etcd/a: another deploy has staged this member in the meantime, or the upload was interrupted; to do: apply again",
    ]);
    expect(host.list("/opt")).toEqual([]);
  });

  test("a host of the other architecture downloads its own archive and checks its own digest", () => {
    const host = hostWith();
    host.stub("uname", "echo aarch64");
    expect(host.call("install_binaries").lines.join()).toContain(`not ${"b".repeat(64)}, and was not unpacked`);
    expect(host.calls("curl").join()).toMatch(/-linux-arm64\.tar\.gz"$/);
  });

  test.each([
    ["echo etcd Version: 3.6.13", "the archive contains etcd Version: 3.6.13, not etcd 3.6.14"],
    [
      "echo exec format error; exit 126",
      "the etcd in this archive does not run on this host (x86_64): exec format error",
    ],
  ])("an archive whose etcd is not the requested one is not installed: %s", (etcd, reason) => {
    const host = newHost();
    host.stub("uname", "echo x86_64");
    host.write("/archive.tar.gz", host.archive());
    host.stub(
      "tar",
      `for last; do :; done; printf '#!/bin/sh\\n${etcd}\\n' >"$last/etcd"; chmod 755 "$last/etcd"; : >"$last/etcdctl"`,
    );
    const run = host.call(`install_binaries '${host.path("/archive.tar.gz")}'`);
    expect(run.code).toBe(1);
    expect(run.lines.join()).toContain(`a on host-a: test failed: ${reason}; to do: use the archive `);
    expect(host.list("/opt")).toEqual([]);
  });

  test("a version whose number only starts with the requested one is another version", () => {
    const host = newHost({ props: { version: "3.6.1" } });
    host.write("/archive.tar.gz", host.archive());
    expect(host.call(`install_binaries '${host.path("/archive.tar.gz")}'`)).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: the archive contains etcd Version: 3.6.14, not etcd 3.6.1; to do: use the archive of etcd 3.6.1, or set version to the one that it contains, and apply again",
      ],
    });
    expect(host.list("/opt")).toEqual([]);
  });

  test("a truncated archive is not installed, even if it has the given digest", () => {
    const half = archive.subarray(0, archive.length / 2);
    const host = hostWith({ served: half, digest: sha256(half) });
    const run = host.call("install_binaries");
    expect(run.code).toBe(1);
    expect(run.lines[0]).toMatch(/^a on host-a: test failed: cannot unpack etcd 3\.6\.14: \S/);
    expect(run.lines.at(-1)).toMatch(/; to do: make sure that \/opt is writable and has free space, and apply again$/);
    expect(host.has("/opt/etcd-v3.6.14")).toBe(false);
  });

  test.each([
    ["has no etcdctl", (directory: string) => rmSync(join(directory, "etcdctl")), "etcdctl"],
    [
      "has a link as etcd",
      (directory: string) => {
        renameSync(join(directory, "etcd"), join(directory, "etcd-3.6.14"));
        symlinkSync("etcd-3.6.14", join(directory, "etcd"));
      },
      "etcd",
    ],
  ])("an archive that %s is not installed, even if it has the given digest", (_, change, missing) => {
    const served = changedArchive(change);
    const host = hostWith({ served, digest: sha256(served) });
    expect(host.call("install_binaries")).toEqual({
      code: 1,
      lines: [
        `a on host-a: test failed: the archive of etcd 3.6.14 has no program ${missing}; to do: use an archive in the layout of etcd's releases, with etcd and etcdctl as files, and apply again`,
      ],
    });
    expect(host.list("/opt")).toEqual([]);
  });

  test("a link in an archive changes no mode where it leads to", () => {
    const host = newHost();
    host.write("/victim", "secret", 0o600);
    const served = changedArchive((directory) => symlinkSync(host.path("/victim"), join(directory, "README.md")));
    host.write("/a.tar.gz", served);
    const run = host.call(
      `know_archive() { archive_sha256=${sha256(served)}; }; install_binaries '${host.path("/a.tar.gz")}'`,
    );
    expect(run.lines).toEqual(["a on host-a: test: unpacked etcd 3.6.14 to /opt/etcd-v3.6.14"]);
    expect(statSync(host.path("/victim")).mode & 0o777).toBe(0o600);
  });

  test("a failed download gives one line with the URL, the cause and what to do", () => {
    const host = hostWith();
    host.stub("curl", "echo 'curl: (22) The requested URL returned error: 404'; exit 22");
    expect(host.call("install_binaries")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: cannot download https://mirror.example/etcd/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz: curl: (22) The requested URL returned error: 404; to do: make sure that the host can reach it (proxy, mirror), or use EtcdRelease.localArchive, and apply again",
      ],
    });
    expect(host.has("/opt/etcd-v3.6.14")).toBe(false);
  });

  test.each([
    ["while unpacking", "tar", `exec '%bin/tar' "$@" & sleep 0.05; kill -9 $PPID`],
    ["right before the rename", "mv", "kill -9 $PPID"],
  ])("a run that is killed %s installs nothing, and the next run installs the whole version", (_, command, script) => {
    const host = hostWith();
    host.stub(command, script.replace("%", `${host.root}/`));
    expect(host.call("install_binaries").code).not.toBe(0);
    expect(host.has("/opt/etcd-v3.6.14")).toBe(false);
    host.unstub(command);
    host.write("/opt/.etcd-v3.6.14.aside/left-over", "");
    expect(host.call("install_binaries").code).toBe(0);
    expect(host.list("/opt")).toEqual(["etcd-v3.6.14"]);
    expect(host.list("/opt/etcd-v3.6.14")).toEqual([".sha256", "Documentation", "etcd", "etcdctl"]);
  });

  test("an installation from another archive is replaced as a whole if its etcd does not run", () => {
    const host = hostWith();
    installBinaries(host);
    host.write("/opt/etcd-v3.6.14/left-over", "");
    host.write("/opt/etcd-v3.6.14/.sha256", `${"d".repeat(64)}\n`);
    expect(host.call("install_binaries").code).toBe(0);
    expect(host.list("/opt/etcd-v3.6.14")).toEqual([".sha256", "Documentation", "etcd", "etcdctl"]);
  });

  test.each([
    ["a symbolic link to a file elsewhere", "ln -s"],
    ["a hard link to a file elsewhere", "ln"],
  ])("an installed binary that is %s is replaced by a file of its own", (_, link) => {
    const host = hostWith();
    installBinaries(host);
    host.write("/etcds/etcd", testBinary(host), 0o755);
    host.call(`rm "$VERSIONED/etcd"; ${link} '${host.path("/etcds/etcd")}' "$VERSIONED/etcd"; rm "$VERSIONED/etcdctl"`);
    expect(host.call("is_running() { :; }; install_binaries").code).toBe(0);
    expect(lstatSync(host.path("/opt/etcd-v3.6.14/etcd"))).toMatchObject({ nlink: 1 });
    expect(lstatSync(host.path("/opt/etcd-v3.6.14/etcd")).isFile()).toBe(true);
  });

  test("a pushed archive is unpacked where it is, and nothing is downloaded", () => {
    const host = hostWith();
    host.write("/home/archive.tar.gz", archive);
    expect(host.call(`install_binaries "${host.path("/home/archive.tar.gz")}"`).code).toBe(0);
    expect(host.list("/opt/etcd-v3.6.14")).toContain("etcd");
    expect(host.calls("curl")).toEqual([]);
  });

  test("the directory of a running etcd is never replaced from another archive of the same version", () => {
    const host = hostWith({ digest: "c".repeat(64) });
    installSupervisor(host);
    installBinaries(host);
    const before = host.read("/opt/etcd/etcd");
    host.write("/opt/etcd/etcd-server-startup.sh", host.startupScript(), 0o755);
    host.write("/data/etcd/member/wal/0.wal", "");
    host.write("/data/logs/etcd.log", "");
    host.write("/etc/supervisor/conf.d/etcd-server.conf", host.programIni());
    const run = host.call("supervisorctl update >/dev/null; install_binaries");
    expect(run).toEqual({
      code: 3,
      lines: [
        `a on host-a: test refused: release archive: /opt/etcd-v3.6.14 is in use and was unpacked from an archive with another sha256 (${sha256(archive)}); to do: set the digest back, or choose another version`,
      ],
    });
    expect(host.read("/opt/etcd/etcd")).toBe(before);
  });
});
