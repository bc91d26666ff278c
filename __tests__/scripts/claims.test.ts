import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { installBinaries, listenOn } from "../support/fake-etcd";
import { installSupervisor } from "../support/fake-supervisor";
import { type Host, IMPATIENT } from "../support/host";
import { runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";

const refused = (text: string) => `a on host-a: test refused: ${text}`;
const check = (host: Host, text = "check_ownership") => host.call(text).lines;

inEachShell((newHost) => {
  /** A host on which member `x` of another cluster has claimed these places. */
  function claimed(places: { [key: string]: string }): Host {
    const host = newHost();
    const claim = {
      member: "x",
      cluster: "two/etcd",
      genesis: "1",
      peer_url: "https://127.0.0.1:3380",
      install_root: host.path("/srv/x"),
      data_dir: host.path("/srv/x-data"),
      log_dir: host.path("/srv/x-log"),
      supervisor_ini: "etcd-x",
      user: "etcd",
      ...Object.fromEntries(
        Object.entries(places).map(([key, path]) => [key, path.startsWith("/") ? host.path(path) : path]),
      ),
    };
    const lines = Object.entries(claim).map(([key, value]) => `${key}=${value}\n`);
    host.write("/var/lib/cdktf-etcd/x/claim", lines.join(""));
    return host;
  }

  test.each([
    ["installRoot", { install_root: "/opt" }, "/opt/etcd"],
    ["dataDir", { data_dir: "/data" }, "/data"],
    ["dataDir", { data_dir: "/data/etcd" }, "/data/etcd"],
    ["logDir", { log_dir: "/data/logs/x" }, "/data/logs/x"],
    ["installRoot", { data_dir: "/opt/etcd-v3.5.33/x" }, "/opt/etcd-v3.5.33/x"],
    ["supervisorProgramFile", { supervisor_ini: "etcd-server" }, "the supervisor file etcd-server"],
  ])("a place that another member has claimed is refused, with the prop to set: %s", (prop, places, what) => {
    const host = claimed(places);
    expect(check(host)).toContain(
      refused(
        `paths.${prop}: ${what} belongs to the member x of the cluster two/etcd (https://127.0.0.1:3380); to do: set paths.${prop} to another value; if x is gone from this host for good, rm /var/lib/cdktf-etcd/x/claim`,
      ),
    );
  });

  test.each<{ [key: string]: string }>([
    {},
    { install_root: "/opt/x" },
    { install_root: "/opt/x", data_dir: "/opt/etcd-vault/x" },
    { install_root: "/opt-x", data_dir: "/data/etcd-2", log_dir: "/data/logs2" },
  ])("places that do not overlap are accepted: %j", (places) => {
    expect(check(claimed(places))).toEqual([]);
  });

  test("a member's own claim and a released claim are accepted", () => {
    const host = newHost();
    host.call('claim_host; mkdir -p "${STATE_DIR%/*}/x"; mv "$CLAIM" "${STATE_DIR%/*}/x/released"; claim_host');
    expect(host.read("/var/lib/cdktf-etcd/a/claim").split(host.root).join("")).toBe(
      "member=a\ncluster=stack/etcd\nowner=\ngenesis=\npeer_url=https://127.0.0.1:2380\ninstall_root=/opt\ndata_dir=/data/etcd\nlog_dir=/data/logs\nsupervisor_ini=etcd-server\n" +
        `user=${host.cluster.user}\n`,
    );
    expect(check(host)).toEqual([]);
  });

  test("the directories in which backups were taken before stay known", () => {
    const host = newHost();
    const claim = (directory: string) => {
      host.call("claim_host", { BACKUP_DIR: directory });
      return /(backup_dir=[^]*)$/.exec(host.read("/var/lib/cdktf-etcd/a/claim"))?.[1];
    };
    expect(claim("/backups/1")).toBe("backup_dir=/backups/1\n");
    expect(claim("/backups/2")).toBe("backup_dir=/backups/2\nformer_backup_dir=/backups/1\n");
    expect(claim("")).toBe("backup_dir=/backups/2\nformer_backup_dir=/backups/1\n");
    host.call('mv "$CLAIM" "$STATE_DIR/released"');
    // The member comes back to a program that takes no backups.
    expect(claim("")).toBe("backup_dir=/backups/2\nformer_backup_dir=/backups/1\n");
    expect(claim("/backups/1")).toBe("backup_dir=/backups/1\nformer_backup_dir=/backups/2\n");
  });

  test("the error of a command that fails after the claim is in the phase's last line", () => {
    const run = newHost().call("trap 'leave $?' EXIT; keep_errors; claim_host; cat /nope");
    expect(run).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: cat: /nope: No such file or directory; to do: correct that, and apply again; if it happens again, report it together with the lines above",
      ],
    });
  });

  test("a stage of another Terraform state is refused only for as long as the first one may still start the member", () => {
    const host = newHost();
    const claim = (genesis: string) => host.call("claim_host", { GENESIS: genesis });
    expect(claim("1")).toEqual({ code: 0, lines: [] });
    expect(claim("2")).toEqual({
      code: 3,
      lines: [
        refused(
          "claim: another deploy, with another Terraform state, staged this member less than 10 minutes ago and has not started it yet; to do: let that deploy end, and use its state; if no such deploy is running, apply again after 10 minutes",
        ),
      ],
    });
    expect(claim("1").code).toBe(0);
    const old = Date.now() / 1000 - 660;
    utimesSync(host.path("/var/lib/cdktf-etcd/a/claim"), old, old);
    expect(claim("2").code).toBe(0);
    // A member that has started is identified by its name and peer URL, whichever state asks.
    host.write("/var/lib/cdktf-etcd/a/started", host.member.peerUrl);
    expect(claim("3").code).toBe(0);
  });

  test("a member that an older version of this package deployed without a claim is recognized by its startup script and its supervisor program", () => {
    const host = newHost();
    runningHost(host);
    expect(check(host)).toEqual([]);
    expect(check(host, "MEMBER=b; STATE_DIR=${STATE_DIR%/*}/b; check_ownership")).toEqual([
      "b on host-a: test refused: paths.installRoot: /opt/etcd-v3.6.14 belongs to the member a; to do: set paths.installRoot to a directory of its own; if a is gone from this host for good, rm /opt/etcd-v3.6.14/etcd-server-startup.sh",
      "b on host-a: test refused: paths.logDir: the supervisor program a (/etc/supervisor/conf.d/etcd-server.ini) logs to /data/logs/etcd.log; to do: set paths.logDir to a directory of its own",
    ]);
  });

  test.each([
    ["/data", "dataDir", "/data/etcd", "/mnt/big/etcd"],
    ["/data", "logDir", "/data/logs", "/mnt/big/logs"],
    ["/opt", "installRoot", "/opt", "/mnt/big"],
  ])("a link in a path (%s) is refused, with the real path: paths.%s", (link, prop, _, real) => {
    const host = newHost();
    mkdirSync(host.path("/mnt/big"), { recursive: true });
    rmSync(host.path(link), { recursive: true, force: true });
    symlinkSync(host.path("/mnt/big"), host.path(link));
    expect(check(host)).toContain(
      refused(
        `paths.${prop}: ${link} is a symbolic link to /mnt/big, and root does not write through links; to do: set paths.${prop} to ${real}`,
      ),
    );
  });

  test("a running member whose data directory is now given by its real path is still the same member", () => {
    const host = newHost({ props: { paths: { dataDir: "/nowhere" } } });
    host.write("/mnt/data/x", "");
    symlinkSync("mnt/data", host.path("/data"));
    expect(
      host.call(`DATA_DIR=${host.path("/mnt/data")}; is_data_directory ${host.path("/data")} && echo same`).lines,
    ).toEqual(["same"]);
  });

  testAsRoot.each([
    ["paths.dataDir", "/data", "and root writes there", ", or set paths.dataDir to a directory of its own"],
    ["paths.logDir", "/data/logs", "and root writes there", ", or set paths.logDir to a directory of its own"],
    ["paths.installRoot", "/opt", "and root writes there", ", or set paths.installRoot to a directory of its own"],
    ["supervisor", "/etc/supervisor/conf.d", "and supervisord reads its programs from there", ""],
  ])("a directory that others can write to is refused: %s", (what, path, why, other) => {
    const host = newHost();
    installSupervisor(host);
    mkdirSync(host.path(path), { recursive: true });
    chownSync(host.path(path), 0, 12);
    chmodSync(host.path(path), 0o2775);
    expect(check(host)).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `^a on host-a: test refused: ${what}: ${path} can be changed by users other than root \\(root:\\S+, mode 2775\\), ${why}; to do: chown root:root ${path} && chmod go-w ${path}${other}$`,
        ),
      ),
    );
  });

  testAsRoot("a parent directory that etcd's user cannot enter is refused, because etcd would not start", () => {
    const host = newHost();
    const closed = ["installRoot /opt", "dataDir /data"].map((way) => `paths.${way.replace("/", `${host.root}/`)}`);
    const answer = closed.flatMap((way) => [way, host.path("/opt")]).map((line) => `'${line}'`);
    host.stub("setpriv", `[ "$1" = --reuid=1 ] && printf '%s\\n' ${answer.join(" ")}`);
    expect(check(host).length).toBe(2);
    expect(check(host)[0]).toMatch(
      /paths\.installRoot: the user daemon cannot enter \/opt \(root:root, mode 755\), so etcd cannot reach \/opt; to do: chmod o\+x \/opt, or set paths\.installRoot to another directory$/,
    );
  });

  testAsRoot("an empty data directory must belong to root or to etcd's user", () => {
    const host = newHost();
    mkdirSync(host.path("/data/etcd"), { recursive: true });
    expect(check(host)).toEqual([]);
    chownSync(host.path("/data/etcd"), 12345, 12345);
    expect(check(host)).toEqual([
      refused(
        "paths.dataDir: /data/etcd belongs to UNKNOWN; to do: if nobody needs it, rmdir /data/etcd; or set paths.dataDir to a directory of its own",
      ),
    ]);
  });

  test("versions that were installed by hand are refused and left alone", () => {
    const host = newHost();
    host.write("/opt/etcd-v3.1.20/etcd", "");
    symlinkSync("etcd-v3.1.20", host.path("/opt/etcd"));
    host.write("/opt/etcd-v3.6.14/etcd", "");
    expect(check(host)).toEqual([
      refused(
        "paths.installRoot: /opt/etcd-v3.6.14 was not made by this package; to do: move it away, or set paths.installRoot to another directory",
      ),
      refused(
        "paths.installRoot: /opt/etcd points to /opt/etcd-v3.1.20, which was not made by this package; to do: move the link away, or set paths.installRoot to another directory",
      ),
    ]);
  });

  testAsRoot(
    "a version's directory that another user can change is refused, even if it contains this package's mark",
    () => {
      const host = newHost();
      installBinaries(host);
      chownSync(host.path("/opt/etcd-v3.6.14"), 12345, 0);
      const line = refused(
        "paths.installRoot: /opt/etcd-v3.6.14 can be changed by users other than root (UNKNOWN:root, mode 755), and root runs what is in it; to do: move it away, or set paths.installRoot to another directory",
      );
      expect(check(host)).toEqual([line]);
      // A record that only root can write says that a deploy created this directory, so a stage gives it back to root.
      host.call('remember_made "$VERSIONED"');
      expect(check(host)).toEqual([]);
      host.call("take_over");
      expect(host.call('stat -c %U "$VERSIONED"').lines).toEqual(["root"]);
    },
  );

  testAsRoot.each<[string, (path: string) => void]>([
    ["symbolic link, owner root, hard links: 1", (path) => symlinkSync("/etc/cron.d/zz", path)],
    [
      "regular empty file, owner root, hard links: 2",
      (path) => (
        writeFileSync(`${path}s`.replace("etcd.logs", "x"), ""),
        linkSync(`${path}s`.replace("etcd.logs", "x"), path)
      ),
    ],
    ["directory, owner root, hard links: 2", (path) => mkdirSync(path)],
    ["regular empty file, owner daemon, hard links: 1", (path) => (writeFileSync(path, ""), chownSync(path, 1, 1))],
  ])("a log file that may lead root elsewhere is refused: %s", (what, make) => {
    const host = newHost();
    host.write("/data/logs/other.log", "");
    make(host.path("/data/logs/etcd.log"));
    expect(check(host)).toEqual([
      refused(
        `paths.logDir: /data/logs/etcd.log is not a regular file of root with a single name (${what}), and root writes the log there; to do: move it away, or set paths.logDir to a directory of its own`,
      ),
    ]);
  });

  describe("a member that another Terraform state has deployed", () => {
    const other = async (more: { [key: string]: string } = {}) => {
      const own = await listenOn("127.0.0.1");
      const host = newHost({ props: { ports: { client: own.port } } });
      const cluster = runningHost(host);
      host.call("claim_host", { OWNER: "1", ...more });
      return { host, cluster, close: () => own.close() };
    };

    test("is accepted by a new state of the same program", async () => {
      const { host, close } = await other();
      expect(host.call("claim_host", { OWNER: "2" })).toEqual({ code: 0, lines: [] });
      await close();
    });

    test("is refused for a program that does not name all members of its cluster", async () => {
      const { host, cluster, close } = await other();
      cluster.members("a", "b", "c", "d");
      expect(host.call("claim_host", { OWNER: "2" }).lines).toEqual([
        refused(
          "member: another Terraform state has deployed this member, and its cluster has d (https://127.0.0.4:2380), which the program does not name; to do: use that state; if it is lost, name these members too; or give this cluster members and hosts of its own",
        ),
      ]);
      expect(host.call("claim_host", { OWNER: "1" })).toEqual({ code: 0, lines: [] });
      await close();
    });

    test("is not accepted because etcd does not say who the members of its cluster are", async () => {
      const { host, cluster, close } = await other();
      cluster.members("a", "b", "c", "d");
      const claim = () => host.call(`${IMPATIENT}claim_host`, { OWNER: "2" }).lines.join();
      cluster.loseOnce("member list");
      expect(claim()).toContain("its cluster has d (https://127.0.0.4:2380)");
      cluster.on("member list", 'fail "etcdserver: no leader"');
      expect(claim()).toContain("etcd does not say who the members of its cluster are");
      await close();
    });

    test("is refused for a program that gives the cluster another name", async () => {
      const { host, close } = await other();
      expect(host.call("claim_host", { OWNER: "2", CLUSTER: "stack/other" }).lines).toEqual([
        refused(
          "member: this member belongs to the cluster stack/etcd, which another Terraform state has deployed, but the program calls the cluster stack/other; to do: set the id of the construct back, move the resources in that state (docs/destroy.md#changing-the-constructs-id), or give this cluster members and hosts of its own",
        ),
      ]);
      // The same state may rename the cluster, because it has moved its resources.
      expect(host.call("claim_host", { OWNER: "1", CLUSTER: "stack/other" })).toEqual({ code: 0, lines: [] });
      await close();
    });
  });

  test("an installation that moves to another install root is still recorded as created by this package", () => {
    const host = newHost();
    installBinaries(host);
    host.call("claim_host");
    host.call(`INSTALL_ROOT=${host.path("/srv")}; claim_host`);
    expect(host.read("/var/lib/cdktf-etcd/a/made")).toBe(`${host.path("/opt/etcd-v3.6.14")}\n`);
  });
});
