import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installBinaries, listenOn } from "../support/fake-etcd";
import { installSupervisor, installSupervisorFiles } from "../support/fake-supervisor";
import { type Host, RECORD } from "../support/host";
import { runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";
import { base64, makePki } from "../support/test-pki";

const CA = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n";

const pki = makePki();

/** The data that a provisioner sends in addition to the facts. */
const data = (offsetSeconds = 0) => ({
  CA_PEM_BASE64: base64(pki.ca),
  AUTHORITY_PEM_BASE64: base64(pki.ca),
  LEAF_PEM_BASE64: base64(pki.cert),
  CHECKED_SHA256: "of-all-facts",
  OPERATOR_TIME: new Date(Date.now() - offsetSeconds * 1000).toISOString().replace(/\.\d+/, ""),
});

const refused = (text: string) => `a on host-a: test refused: ${text}`;

/** A df that reports this many free megabytes. */
const df = (megabytes: number, inodes = "1000 900") =>
  `printf ' Avail Inodes IFree\\n${megabytes}M ${inodes}\\n'; for last; do :; done; echo "$last" >>"$CALLS"`;

/** An ss that prints this listener. */
const ss = (local: string) => `echo 'LISTEN 0 4096 ${local} *:* users:(("other",pid=7,fd=3))'`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4");
});
afterAll(() => all.close());

inEachShell((newHost) => {
  test("a host without problems gives no output", () => {
    const host = newHost();
    installSupervisor(host);
    expect(host.call("all_checks", data())).toEqual({ code: 0, lines: [] });
  });

  test("a host on which the member already runs gives no output", () => {
    const host = newHost();
    runningHost(host);
    host.write("/opt/etcd/certs/ca.pem", pki.ca);
    expect(host.call("all_checks", data())).toEqual({ code: 0, lines: [] });
  });

  test("all refusals are reported at once, and the phase exits with 3", () => {
    const host = newHost();
    host.write("/data/etcd/file", "");
    expect(host.phase("preflight", data(3600))).toEqual({
      code: 3,
      lines: [
        expect.stringMatching(/^a on host-a: preflight refused: clock: this host/),
        "a on host-a: preflight refused: supervisor: it is not installed, and there is no apt-get, dnf, yum or zypper; to do: install supervisor",
        "a on host-a: preflight refused: data directory: /data/etcd is not empty and does not contain etcd data; to do: move it away, or set paths.dataDir",
      ],
    });
  });

  test("a preflight that finds no problem says so and changes nothing", () => {
    const host = newHost();
    installSupervisor(host);
    const before = host.list("/");
    const onDisk = `case $* in *fstype*) echo 'ext4 1' ;; *) exec '${host.path("/bin/df")}' "$@" ;; esac`;
    host.stub("df", onDisk);
    expect(host.phase("preflight", data())).toEqual({
      code: 0,
      lines: ["a on host-a: preflight: ready for etcd 3.6.14"],
    });
    expect(host.list("/")).toEqual(before);
    // The other one is supervisord's own.
    expect(host.list("/run")).toEqual(["cdktf-etcd", "supervisord"]);
    expect([host.list("/opt"), host.list("/var/lib"), host.list("/home")]).toEqual([[], [], []]);
  });

  describe("operating system and architecture", () => {
    const uname = (system: string, machine: string) => `case $1 in -s) echo ${system} ;; -m) echo ${machine} ;; esac`;

    test.each(["x86_64", "aarch64"])("Linux on %s is accepted", (machine) => {
      const host = newHost();
      host.stub("uname", uname("Linux", machine));
      expect(host.call("check_architecture").lines).toEqual([]);
    });

    test("another operating system is refused", () => {
      const host = newHost();
      host.stub("uname", uname("FreeBSD", "x86_64"));
      expect(host.call("check_architecture").lines).toEqual([
        refused("operating system: FreeBSD is not Linux; to do: use a Linux host"),
      ]);
    });

    test("an architecture without an archive is refused", () => {
      const host = newHost();
      host.stub("uname", uname("Linux", "riscv64"));
      expect(host.call("check_architecture").lines).toEqual([
        refused(
          "architecture: no sha256 is known for the archive of etcd 3.6.14 for riscv64; to do: specify the digest of that archive with the release",
        ),
      ]);
    });
  });

  describe("tools", () => {
    test("all missing tools are named", () => {
      const host = newHost({ without: ["find", "flock", "ss"] });
      installSupervisor(host);
      expect(host.call("check_tools").lines).toEqual([
        refused(
          "tools: not on this host: find flock ss; to do: install them (packages coreutils, diffutils, gawk, iproute2, openssl, util-linux, …)",
        ),
      ]);
    });
  });

  describe("free disk space", () => {
    test("the binaries and the data each need their own space", () => {
      const host = newHost();
      host.stub("df", df(299));
      expect(host.call("check_disk").lines).toEqual([
        refused("free disk: 299 MB free for /opt, 300 MB are needed; to do: make room, or set paths.installRoot"),
        refused("free disk: 299 MB free for /data/etcd, 512 MB are needed; to do: make room, or set paths.dataDir"),
      ]);
      host.stub("df", df(300));
      expect(host.call("check_disk").lines).toEqual([
        refused("free disk: 300 MB free for /data/etcd, 512 MB are needed; to do: make room, or set paths.dataDir"),
      ]);
      host.stub("df", df(512));
      expect(host.call("check_disk").lines).toEqual([]);
    });

    test("a member that is installed and has data needs space for the small files of a stage, wherever the stage writes", () => {
      const host = newHost();
      installBinaries(host);
      installSupervisorFiles(host, "debian");
      host.write("/data/etcd/member/wal/0.wal", "");
      host.stub("df", df(15));
      expect(host.call("check_disk").lines).toEqual([
        refused("free disk: 15 MB free for /opt, 16 MB are needed; to do: make room, or set paths.installRoot"),
        refused("free disk: 15 MB free for /data/logs, 16 MB are needed; to do: make room, or set paths.logDir"),
        refused(
          "free disk: 15 MB free for /var/lib/cdktf-etcd/a, 16 MB are needed; to do: make room, or move something off that file system",
        ),
        refused(
          "free disk: 15 MB free for /etc/supervisor/conf.d, 16 MB are needed; to do: make room, or move something off that file system",
        ),
      ]);
      host.stub("df", df(16));
      expect(host.call("check_disk").lines).toEqual([]);
    });

    test("the directory of the backups, and that of the locks, need space too", () => {
      const host = newHost();
      installBinaries(host);
      host.write("/data/etcd/member/wal/0.wal", "");
      const free = `for last; do :; done
case $last in */run) free=0 ;; */mnt) free=15 ;; *) free=9999 ;; esac`;
      host.stub("df", `${free}; printf ' Avail Inodes IFree\\n%sM 1000 900\\n' "$free"`);
      mkdirSync(host.path("/mnt"));
      expect(host.call("check_disk", { BACKUP_DIR: host.path("/mnt/backups") }).lines).toEqual([
        refused(
          "free disk: 0 MB free for /run/cdktf-etcd, 2 MB are needed; to do: make room, or delete something there",
        ),
        refused("free disk: 15 MB free for /mnt/backups, 16 MB are needed; to do: make room, or set backups.directory"),
      ]);
    });

    test("a file system without free inodes is refused, and one that does not count inodes is accepted", () => {
      const host = newHost();
      host.stub("df", df(9999, "1000 199"));
      expect(host.call("check_disk").lines[0]).toEqual(
        refused(
          "free disk: 199 inodes free for /opt, 200 are needed: there are too many files; to do: delete some, or set paths.installRoot",
        ),
      );
      for (const none of ["0 0", "- -"]) {
        host.stub("df", df(9999, none));
        expect(host.call("check_disk").lines).toEqual([]);
      }
    });

    test.each(["/opt", "/data/etcd", "/data/logs", "/var/lib/cdktf-etcd"])(
      "a file where %s should be is refused",
      (path) => {
        const host = newHost();
        host.write(path === "/opt" ? "/elsewhere" : path, "");
        expect(
          host.call(path === "/opt" ? "INSTALL_ROOT=$INSTALL_ROOT/../elsewhere/x; check_disk" : "check_disk").lines,
        ).toEqual([
          expect.stringMatching(
            /^a on host-a: test refused: directory: .* is not a directory, so nothing can be created in .*; to do: move it away, or /,
          ),
        ]);
      },
    );

    test("a file system that is mounted noexec is refused for the binaries but accepted for the data", () => {
      const host = newHost();
      host.stub("findmnt", `case $* in *${host.path("/opt")}*) echo rw,nosuid,noexec ;; *) echo rw,noexec ;; esac`);
      expect(host.call("check_disk").lines).toEqual([
        refused(
          "noexec: the file system of /opt is mounted noexec, and etcd is run from there; to do: remount it with exec, or set paths.installRoot",
        ),
      ]);
    });

    testAsRoot("a user database to which nobody may write is refused while etcd's user does not exist", () => {
      const host = newHost();
      host.write("/etc/passwd", "");
      const check = (user: string) => host.call(`ETCD_USER=${user} ETCD_UID=; check_new_user`).lines;
      expect(check("etcd-of-nobody")).toEqual([]);
      try {
        execFileSync("chattr", ["+i", host.path("/etc/passwd")]);
        expect(check("daemon")).toEqual([]);
        expect(check("etcd-of-nobody")).toEqual([
          refused(
            "read-only: the system user etcd-of-nobody cannot be created, because nobody can write to /etc/passwd: it is immutable (lsattr -d /etc/passwd); to do: make it writable until the user is there (chattr -i /etc/passwd), or set user to one that exists",
          ),
        ]);
      } finally {
        execFileSync("chattr", ["-i", host.path("/etc/passwd")]);
      }
    });

    test.each([
      ["ext4 ro,relatime", "its file system is mounted read-only"],
      ["nfs4 ro,relatime", "its file system is mounted read-only"],
      ["xfs rw,relatime,attr2", "it is immutable (lsattr -d /opt)"],
      ["nfs4 rw,relatime,vers=4.2", "it is on nfs4, which does not let root of this host write there (root_squash)"],
    ])("why root cannot write to a directory is told by its file system: %s", (mount, reason) => {
      const host = newHost();
      host.stub("findmnt", `echo '${mount}'`);
      expect(host.call('why_not_writable "$INSTALL_ROOT"').lines).toEqual([reason]);
    });

    test("the file system of a missing directory is that of its nearest existing parent", () => {
      const host = newHost();
      host.stub("df", df(9999));
      host.call(`free_mb "${host.path("/home/not/there")}"; free_mb "${host.path("/opt")}"`);
      expect(host.calls("df")).toEqual([host.path("/home"), host.path("/opt")]);
    });
  });

  describe("ports", () => {
    const client = (ip: string) => ({ LISTENS: `listen-client-urls=https://${ip}:2379` });

    test("a port on which another process listens is refused, with the name of the process", async () => {
      const server = createServer();
      const port = await new Promise<number>((resolve) =>
        server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
      );
      try {
        const run = newHost().call("check_ports", { LISTENS: `listen-peer-urls=https://127.0.0.1:${port}` });
        expect(run.code).toBe(0);
        expect(run.lines).toEqual([
          expect.stringMatching(
            `^a on host-a: test refused: peer port: port ${port} is taken on 127\\.0\\.0\\.1:${port} by (users:\\(\\(".*",pid=${process.pid},fd=\\d+\\)\\)|another process); to do: stop that program, or set ports\\.peer$`,
          ),
        ]);
      } finally {
        server.close();
      }
    });

    test.each([
      ["10.4.7.12:2379", "10.4.7.12"],
      ["0.0.0.0:2379", "10.4.7.12"],
      ["*:2379", "10.4.7.12"],
      ["[::]:2379", "10.4.7.12"],
      ["10.4.7.12%eth0:2379", "10.4.7.12"],
      ["[::ffff:10.4.7.12]:2379", "10.4.7.12"],
      ["*%eth0:2379", "10.4.7.12"],
      ["[fd00::12]:2379", "[fd00:0:0::0012]"],
      ["[fd00:0:0:1::]:2379", "[FD00:0:0:1:0:0:0:0]"],
      ["127.0.0.1:2379", "0.0.0.0"],
      ["[fd00::12]:2379", "[::]"],
      ["[::1]:2379", "localhost"],
    ])("a listener on %s conflicts with %s", (local, ip) => {
      const host = newHost();
      host.stub("ss", ss(local));
      expect(host.call("check_ports", client(ip)).lines).toEqual([
        refused(
          `client port: port 2379 is taken on ${local} by users:(("other",pid=7,fd=3)); to do: stop that program, or set ports.client`,
        ),
      ]);
    });

    test.each([
      ["10.4.7.120:2379", "10.4.7.12"],
      ["10.4.7.12:23790", "10.4.7.12"],
      ["127.0.0.1:2379", "10.4.7.12"],
      ["[::1]:2379", "10.4.7.12"],
      ["[fe80::1]%eth0:2379", "10.4.7.12"],
      ["[fd00::1]:2379", "[fd00::1:0]"],
    ])("a listener on %s does not conflict with %s", (local, ip) => {
      const host = newHost();
      host.stub("ss", ss(local));
      expect(host.call("check_ports", client(ip)).lines).toEqual([]);
    });

    test("the port of every flag that makes etcd listen is checked", () => {
      const host = newHost({
        props: {
          insecureLoopbackClientUrl: true,
          listenMetricsUrls: ["http://127.0.0.1:2381"],
          extraFlags: { "listen-client-http-urls": "https://127.0.0.1:2382" },
        },
      });
      const port = (name: string) => expect.stringContaining(`test refused: ${name}`);
      host.stub("ss", [2379, 2380, 2381, 2382].map((number) => ss(`127.0.0.1:${number}`)).join("\n"));
      expect(host.call("check_ports", { ADDRESS: "10.4.7.12" }).lines).toEqual([
        port("client port: port 2379"),
        port("peer port: port 2380"),
        port("metrics port: port 2381"),
        port("port of listen-client-http-urls: port 2382"),
      ]);
    });

    test("a port below 1024 needs root, unless the kernel allows it", () => {
      const host = newHost({ props: { ports: { client: 443 } } });
      host.stub("ss", "");
      expect(host.call("check_ports").lines).toEqual([
        refused(
          `client port: ${host.cluster.user} may not listen on port 443: only root may listen on ports below 1024; to do: set ports.client to a higher port, or set net.ipv4.ip_unprivileged_port_start=443 permanently with sysctl`,
        ),
      ]);
      expect(host.call("ETCD_USER=root; check_ports").lines).toEqual([]);
      host.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n");
      expect(host.call("check_ports").lines).toEqual([]);
    });

    test("the member's own etcd is not a conflict", () => {
      const host = newHost();
      runningHost(host);
      const pid = host.read("/run/etcd.pid").trim();
      host.stub("ss", ss("127.0.0.1:2379").replace("pid=7", `pid=${pid}`));
      expect(host.call("check_ports").lines).toEqual([]);
      // It is not a conflict either if the program has another data directory; another check refuses that change.
      expect(host.call("DATA_DIR=/elsewhere; check_ports").lines).toEqual([]);
      expect(host.call("MEMBER=b; check_ports").lines).toHaveLength(1);
      // This is another process, whose ID only starts with the same digits.
      host.stub("ss", ss("127.0.0.1:2379").replace("pid=7", `pid=${pid}0`));
      expect(host.call("check_ports").lines).toHaveLength(1);
    });
  });

  describe("clock", () => {
    // The time that Terraform takes to connect, up to a minute here, makes a host's clock seem to be ahead.
    test.each([0, 55, -110])("a clock that is %s s behind is accepted", (seconds) => {
      expect(newHost().call("check_clock", data(-seconds)).lines).toEqual([]);
    });

    test.each([
      [600, "this host's clock is (598|599|600) s behind the operator's"],
      [-600, "this host's clock is at least (540|541|542) s ahead of the operator's"],
    ])("a clock that is %s s behind is refused", (seconds, why) => {
      expect(newHost().call("check_clock", data(-seconds)).lines).toEqual([
        expect.stringMatching(
          `^a on host-a: test refused: clock: ${why}; the limit is 60 s; to do: synchronize both clocks \\(chrony, systemd-timesyncd\\)$`,
        ),
      ]);
    });

    test("the time for which a phase has waited for its lock does not count as skew", () => {
      const run = newHost().call("STARTED_AT=$(($(date +%s) - 300)); check_clock", data(300));
      expect(run.lines).toEqual([]);
    });
  });

  describe("another etcd", () => {
    /** What the check prints if systemd has these units, each given as its ID, state, enablement and command. */
    const systemd = (host: Host, ...units: (readonly [string, string, string, string])[]) => {
      host.write("/usr/bin/etcd", "", 0o755);
      host.write("/usr/bin/etcdctl", "", 0o755);
      host.write("/etc/etcd/etcd.conf", "");
      const show = units.map(
        ([id, state, enabled, command]) =>
          `ExecStart={ path=${command.split(" ")[0]} ; argv[]=${command} ; ignore_errors=no ; start_time=[n/a] ; pid=0 ; status=0/0 }\nId=${id}\nActiveState=${state}\nUnitFileState=${enabled}\n`,
      );
      host.write("/show", show.join("\n").replace(/@/g, host.root));
      // The files of these units are in the second of two directories.
      for (const [id, , , command] of units) host.write(`/units/${id}`, `[Service]\nExecStart=${command}\n`);
      host.stub(
        "systemctl",
        `case "$1 $2" in
          "show --property=UnitPath") echo "UnitPath=${host.path("/none")} ${host.path("/units")}" ;;
          "show --all") cat '${host.path("/show")}' ;;
          *) exit 1 ;;
        esac`,
      );
      return host.call("check_other_etcd").lines;
    };

    test.each([
      ["enabled", ["etcd.service", "inactive", "enabled", "@/usr/bin/etcd --name x"]],
      ["active", ["etcd.service", "active", "static", "@/usr/bin/etcd"]],
      ["of another name", ["k8s-store.service", "activating", "disabled", "@/usr/bin/etcd"]],
      [
        "started by a shell, as on RHEL,",
        ["k.service", "inactive", "enabled", "/bin/bash -c GOMAXPROCS=$(nproc) @/usr/bin/etcd --name=x"],
      ],
      [
        "started through env, nice and a quoted command",
        ["k.service", "inactive", "enabled", `/usr/bin/env A=1 nice sh -c "exec '@/usr/bin/etcd'"`],
      ],
    ] as const)("a unit that runs etcd and is %s is refused", (_, unit) => {
      expect(systemd(newHost(), unit)).toEqual([
        refused(
          `other etcd: the systemd unit ${unit[0]}, which is enabled or active on this host, runs /usr/bin/etcd; to do: systemctl disable --now ${unit[0]}, or use another host`,
        ),
      ]);
    });

    test("a unit that runs etcd is found by its name if its text does not name it", () => {
      const host = newHost();
      systemd(host, ["etcd.service", "active", "enabled", "@/usr/bin/etcd"]);
      host.write("/units/etcd.service", "[Service]\nExecStart=/usr/bin/%p\n");
      expect(host.call("check_other_etcd").lines).toEqual([expect.stringContaining("the systemd unit etcd.service")]);
    });

    test("where no unit has to do with etcd, systemd is not asked about its units, which takes long", () => {
      const host = newHost();
      systemd(host, ["etcd.service", "active", "enabled", "@/usr/bin/etcd"]);
      host.write("/units/etcd.service", "");
      renameSync(host.path("/units/etcd.service"), host.path("/units/store.service"));
      symlinkSync("/dev/null", host.path("/units/masked.service"));
      expect(host.call("check_other_etcd").lines).toEqual([]);
    });

    test("a unit called etcd that runs something else is accepted, and so is an etcd unit that is neither enabled nor active", () => {
      expect(
        systemd(
          newHost(),
          ["etcd-backup.service", "inactive", "static", "@/usr/local/bin/etcd-backup.sh"],
          ["etcd-backup-2.service", "active", "enabled", "@/usr/bin/etcdctl snapshot save /backup/etcd"],
          ["tar.service", "active", "enabled", "/usr/bin/tar -czf /backup.tgz @/etc/etcd"],
          ["gone.service", "inactive", "enabled", "@/usr/sbin/etcd"],
          ["etcd.service", "inactive", "disabled", "@/usr/bin/etcd"],
        ),
      ).toEqual([]);
    });

    test.each(["--data-dir=%", "--data-dir %"])("another etcd process that runs with %s is refused", (argument) => {
      const host = newHost();
      host.write("/srv/etcd", `#!/bin/sh\nread -r _ <'${host.path("/srv/never")}'\n`, 0o755);
      const run = host.call(`
        mkfifo "${host.path("/srv/never")}"
        "${host.path("/srv/etcd")}" --name=other ${argument.replace("%", '"$DATA_DIR"')} </dev/null >/dev/null 2>&1 &
        ln -s /proc/$! "${host.path("/proc")}/$!"
        is_etcd() { [ "$(cat "/proc/$1/comm")" = etcd ]; }
        wait_until 5 is_etcd $!
        check_other_etcd; kill $!`);
      expect(run.lines).toEqual([
        expect.stringMatching(
          /^a on host-a: test refused: other etcd: process \d+ is an etcd that uses \/data\/etcd and that this package did not start; to do: stop it, or set paths\.dataDir$/,
        ),
      ]);
    });

    test("the member's own process and supervisor program are accepted", () => {
      const host = newHost();
      runningHost(host);
      expect(host.call("check_other_etcd").lines).toEqual([]);
    });
  });

  describe("certificates", () => {
    const check = (host: Host, ca: string, leaf = pki.cert) =>
      host.call("check_certificates", { CA_PEM_BASE64: base64(ca), LEAF_PEM_BASE64: base64(leaf) }).lines;

    test("a leaf of one of the CAs is accepted", () => {
      expect(check(newHost(), pki.otherCa + pki.ca)).toEqual([]);
    });

    test("a leaf of another CA is refused with openssl's reason, before anything changes", () => {
      expect(check(newHost(), pki.otherCa)).toEqual([
        refused(
          "certificates: the certificate of this member does not verify against its CA: unable to get local issuer certificate; to do: import the certificate that belongs to the CA's private key: it is not among those in CertificateAuthority.fromPem",
        ),
      ]);
    });

    /** A host whose clock is that many seconds before the first one at which the leaf is valid. */
    const earlyHost = (seconds: number): Host => {
      const host = newHost();
      const behind = Date.now() - Date.parse(new X509Certificate(pki.cert).validFrom) + seconds * 1000;
      host.stub(
        "openssl",
        `${RECORD}; [ "$1" != verify ] || { shift; set -- verify -attime $(($(date +%s) - ${Math.ceil(behind / 1000)})) "$@"; }; exec "${host.path("/bin/openssl")}" "$@"`,
      );
      return host;
    };
    const checkBehind = (host: Host, seconds: number) => host.call("check_certificates", data(-seconds)).lines;
    const verified = (host: Host) => host.calls("openssl").filter((call) => call.startsWith("verify")).length;

    test("a leaf that has just been signed is awaited where the clock is a little behind the operator's", () => {
      const host = earlyHost(4);
      expect(checkBehind(host, 5)).toEqual([]);
      expect(verified(host)).toBeGreaterThan(1);
    });

    test.each([
      ["is not behind the operator's, as for a CA that was made for later", 0],
      ["is behind by more than the limit", 3600],
    ])("a leaf that is not valid yet is refused at once where the clock %s", (_, seconds) => {
      const host = earlyHost(30);
      expect(checkBehind(host, seconds)).toEqual([
        expect.stringMatching(
          /does not verify against its CA: certificate is not yet valid; to do: set this host's clock \(it says [-\d]+ [:\d]+ UTC\); if that is right, the operator's was ahead when the certificate was signed, see docs\/certificates\.md#a-certificate-that-is-not-valid-yet$/,
        ),
      ]);
      expect(verified(host)).toBe(1);
    });

    test("a leaf that is not valid when the host's clock has caught up is refused", () => {
      expect(checkBehind(earlyHost(60), 1)).toEqual([expect.stringContaining("certificate is not yet valid")]);
    });
  });

  describe("certificate authority", () => {
    const THEIRS = CA.replace("ours", "theirs");
    const LOST =
      "certificate authority: the running member does not trust the CA of the new certificates (/opt/etcd/certs/ca.pem has another one); if the Terraform state was lost, the new state has created a new CA; to do: restore the state, or import the old CA (CertificateAuthority.fromPem); to change the CA on purpose, see docs/certificates.md#a-new-ca";
    const check = (host: Host, bundle: string, authority: string) =>
      host.call("check_ca", { CA_PEM_BASE64: base64(bundle), AUTHORITY_PEM_BASE64: base64(authority) }).lines;

    test("a new CA that the running member does not trust is refused", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", THEIRS);
      expect(check(host, CA, CA)).toEqual([refused(LOST)]);
      // It is refused even if the new bundle has both CAs, because the running etcd read its CAs when it started.
      expect(check(host, CA + THEIRS, CA)).toEqual([refused(LOST)]);
      host.write("/opt/etcd/certs/ca.pem", CA);
      expect(check(host, CA, CA)).toEqual([]);
    });

    test("such a CA is also refused for a member that runs from another install root", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", THEIRS);
      const data = { CA_PEM_BASE64: base64(CA), AUTHORITY_PEM_BASE64: base64(CA) };
      expect(host.call(`CURRENT=${host.path("/srv/etcd")}; check_ca`, data).lines).toEqual([refused(LOST)]);
    });

    test("a bundle may grow, then its other CA may sign, and then the bundle may shrink, in one deploy each", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", THEIRS);
      expect(check(host, THEIRS + CA, THEIRS)).toEqual([]);
      host.write("/opt/etcd/certs/ca.pem", THEIRS + CA);
      expect(check(host, CA + THEIRS, CA)).toEqual([]);
      expect(check(host, CA, CA)).toEqual([]);
    });

    test("other line breaks do not make another CA", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", CA.replace(/\n/g, "\r\n"));
      expect(check(host, CA.trim(), CA.trim())).toEqual([]);
    });

    test("a change of CAs is refused while the member's last change is not finished", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", CA);
      host.write("/var/lib/cdktf-etcd/a/restart-pending", "");
      expect(check(host, CA, CA)).toEqual([]);
      expect(check(host, CA + THEIRS, CA)).toEqual([
        refused(
          "certificate authority: the last change of this member is not finished: the member has not been restarted yet; to do: set certificates back, deploy, and then change the CA",
        ),
      ]);
    });

    test("a member that does not run may get a new CA", () => {
      const host = newHost();
      installBinaries(host);
      host.write("/opt/etcd/certs/ca.pem", "another");
      expect(host.call("check_ca", data()).lines).toEqual([]);
    });
  });

  describe("members", () => {
    const clusterHost = () => newHost({ props: { ports: { client: all.port } } });

    test("are accepted if the cluster has those that the program names", () => {
      const host = clusterHost();
      runningHost(host);
      expect(host.call("know_members; check_members")).toEqual({ code: 0, lines: [] });
    });

    test.each([
      ["be added", ["a", "b"]],
      ["be removed", ["a", "b", "c", "d"]],
    ])("may %s only while all members that stay are healthy", (_, members) => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members(...members);
      cluster.healthy("d");
      expect(host.call("know_members; check_members").lines).toEqual([]);
      cluster.unhealthy("b");
      expect(host.call("know_members; check_members").lines).toEqual([
        refused(
          "membership: b (https://127.0.0.2:2380) is not healthy, and members are added or removed only while all members that stay are healthy; to do: bring it back, or remove it from the program too",
        ),
      ]);
    });

    test("are not added while they run in another cluster, as hosts that come back after a restore without them", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members("a");
      expect(host.call("know_members; check_members").lines).toEqual([]);
      cluster.status("c", { cluster: 78 });
      expect(host.call("know_members; check_members").lines).toEqual([
        refused(
          `membership: the program's members run in different clusters: this one in 4d, https://127.0.0.3:${all.port} in 4e; to do: decide which cluster is the right one, see docs/lost-data.md#the-members-are-of-two-clusters, and apply again`,
        ),
      ]);
    });

    test("that leave the program may be dead", () => {
      const host = clusterHost();
      runningHost(host).members("a", "b", "c", "d");
      expect(host.call("know_members; check_members").lines).toEqual([]);
    });

    test("that are not healthy are reported once for all hosts, by the first healthy member that stays", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members("a", "b", "c", "d");
      cluster.unhealthy("c");
      const as = (name: string) =>
        host.call("know_members; check_members", { PEER_URL: host.cluster.members["abc".indexOf(name)].peerUrl }).lines
          .length;
      expect(["a", "b"].map(as)).toEqual([1, 0]);
    });

    test("without data need not be healthy themselves: such an etcd ends by itself, perhaps during the preflight", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      rmSync(host.path("/data/etcd/member"), { recursive: true });
      cluster.unhealthy("a");
      const ended = "known_members=$(members_of $(other_endpoints | head -n 1)); REPROVISION=1; check_members";
      expect(host.call(ended).lines).toEqual([]);
      cluster.unhealthy("b");
      expect(host.call(ended.replace("head", "tail")).lines).toEqual([
        expect.stringContaining("membership: b (https://127.0.0.2:2380) is not healthy"),
      ]);
    });

    test("that are not healthy are ignored while no member is added or removed", () => {
      const host = clusterHost();
      runningHost(host).unhealthy("b");
      expect(host.call("know_members; check_members").lines).toEqual([]);
    });

    test("are not compared on a host where no etcd runs or where etcd has no quorum", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members(["1", "started", "a"]);
      cluster.unhealthy("a");
      expect(host.call("know_members; check_members").lines).toEqual([]);
      expect(clusterHost().call("know_members; check_members").lines).toEqual([]);
    });
  });

  test("a new certificate that the running members would reject is refused, with the way to change it in three deploys", () => {
    const host = newHost({ props: { extraFlags: { "peer-cert-allowed-cn": "k8s-etcd,other" } } });
    runningHost(host);
    const check = (name: string) =>
      host.call(`common_name() { echo ${name}; }; check_allowed_names`, { LEAF_PEM_BASE64: "" }).lines;
    expect(check("k8s-etcd")).toEqual([]);
    expect(check("etcd-members")).toEqual([
      refused(
        "certificates: the running members do not accept the common name etcd-members, because of their peer-cert-allowed-cn=k8s-etcd,other; to do: remove peer-cert-allowed-cn from extraFlags and deploy; change the certificates and deploy; then add peer-cert-allowed-cn again with the new name",
      ),
    ]);
  });

  test("a common name is compared as it is written, in whatever language", () => {
    const name = 'Müller\\Söhne "etcd" 鍵 50% <a@b> $x';
    const directory = mkdtempSync(join(tmpdir(), "cdktf-etcd-name-"));
    try {
      const subject = `/CN=${name.replace(/\\/g, "\\\\")}`;
      const options = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -days 1 -utf8";
      const out = join(directory, "cert");
      execFileSync("openssl", ["req", "-x509", ...options.split(" "), "-subj", subject, "-out", out], {
        stdio: "pipe",
      });
      const host = newHost({ props: { extraFlags: { "peer-cert-allowed-cn": name } } });
      runningHost(host);
      const leaf = readFileSync(out, "utf8");
      expect(host.call("check_allowed_names", { LEAF_PEM_BASE64: base64(leaf) }).lines).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  describe("authentication", () => {
    const clusterHost = () => newHost({ props: { ports: { client: all.port } } });

    test("that lets the member's certificate administer the cluster is accepted", () => {
      const host = clusterHost();
      runningHost(host);
      expect(host.call("check_authentication", { LEAF_PEM_BASE64: "" }).lines).toEqual([]);
    });

    test("that does not let the member's certificate do so is refused, with what to do", () => {
      const host = clusterHost();
      runningHost(host).on("user list", 'fail "etcdserver: permission denied"');
      expect(host.call("check_authentication", { LEAF_PEM_BASE64: "" }).lines).toEqual([
        refused(
          "authentication: the member's certificate is not allowed to administer the cluster; etcd says: Error: etcdserver: permission denied; to do: authentication is on, and a deploy needs the role root: '. /opt/etcd/etcdctl.env; etcdctl --user=root user add NAME --no-password; etcdctl --user=root user grant-role NAME root'; NAME is the common name of the member's certificate, certificates.commonName (default k8s-etcd)",
        ),
      ]);
    });

    test.each([
      ["with the same subject", makePki().cert, ["same"]],
      ["with another subject", pki.ca, ["other"]],
      ["that openssl cannot read", "new", ["other"]],
    ])("a new certificate %s", (_, leaf, line) => {
      const host = newHost();
      host.write("/opt/etcd/certs/etcd-peer.pem", pki.cert);
      const run = "client=$CURRENT; know_leaf; if has_same_subject; then echo same; else echo other; fi";
      expect(host.call(run, { LEAF_PEM_BASE64: base64(leaf) }).lines).toEqual(line);
    });

    describe("and a new common name", () => {
      const LOGIN_FAILS = 'fail "etcdserver: authentication failed, invalid user ID or password"';
      const renamed = (users: string, version = "3.6.14", login = LOGIN_FAILS) => {
        const host = clusterHost();
        const cluster = runningHost(host);
        // Before 3.5, it prints how it is used.
        cluster.on("auth status", `echo "${version === "3.6.14" ? "Authentication Status: true" : "NAME:"}"; exit`);
        cluster.on("get", login);
        cluster.on("user get", users);
        const text = `common_name() { cat; }; installed_version() { echo ${version}; }; check_authentication`;
        return host.call(text, { LEAF_PEM_BASE64: base64("new-name") }).lines;
      };

      test("that is a user with the role root is accepted", () => {
        expect(renamed('echo "User: new-name"; echo "Roles: root"; exit')).toEqual([]);
      });

      test("that is not such a user is refused, before it becomes the only name in use", () => {
        expect(renamed('fail "etcdserver: user name not found"')).toEqual([
          refused(
            "authentication: authentication is on, and new-name, the common name of the new certificate, is not a user with the role root; to do: run '. /opt/etcd/etcdctl.env; etcdctl user add new-name --no-password; etcdctl user grant-role new-name root', and apply again",
          ),
        ]);
      });

      test.each(["3.2.32", "3.3.27", "3.4.23"])("is checked in etcd %s, too, which has no auth status", (version) => {
        const nobody = 'fail "etcdserver: user name not found"';
        expect(renamed(nobody, version)).toEqual([
          expect.stringContaining("authentication: authentication is on, and "),
        ]);
        expect(renamed(nobody, version, "exit")).toEqual([]);
      });

      test("that contains the word root is no role", () => {
        expect(renamed('echo "User: new-root"; echo "Roles: not-root"; exit')).toEqual([
          expect.stringContaining("is not a user with the role root"),
        ]);
        expect(renamed('echo "User: new-name"; echo "Roles: reader root writer"; exit')).toEqual([]);
      });

      test("is accepted if the old one may not ask for users, because the new one is the way back", () => {
        expect(renamed('fail "etcdserver: permission denied"')).toEqual([]);
      });
    });

    test("is not checked where etcd does not answer or does not run", () => {
      const host = clusterHost();
      runningHost(host).on("user list", 'fail "context deadline exceeded"');
      expect(host.call("check_authentication", { LEAF_PEM_BASE64: "" }).lines).toEqual([]);
      expect(clusterHost().call("check_authentication").lines).toEqual([]);
    });

    test("is not blamed for a failed TLS handshake", () => {
      const host = clusterHost();
      runningHost(host).on(
        "user list",
        'fail "rpc error: code = Unavailable desc = connection error: desc = transport: authentication handshake failed: x509: certificate has expired"',
      );
      expect(host.call("check_authentication", { LEAF_PEM_BASE64: "" }).lines).toEqual([]);
    });
  });
});
