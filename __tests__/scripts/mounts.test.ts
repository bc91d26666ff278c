import { EtcdBackups } from "../../src/settings";
import { clusterHosts } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { mounted, phase, rollout, rolloutData, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const MOUNTS = "/var/lib/cdktf-etcd/a/mounts";

const refusals = (host: Host, text = "check_mounted") =>
  host.call(text).lines.map((line) => line.replace("a on host-a: test refused: data directory: ", ""));

const absent = (mount: string, why: string, more = "") =>
  `${mount} ${why}, so /data/etcd would be on another disk; to do: mount ${mount}${more}`;
const IN_FSTAB = "is in /etc/fstab but not mounted";

/** A member's data may be on file systems that are mounted above its data directory, at it or below it. */
inEachShell((newHost) => {
  const clusterHost = clusterHosts(newHost);

  describe("fstab", () => {
    const fstab = (host: Host, text: string) => host.write("/etc/fstab", text.replace(/@/g, host.root));

    test.each([
      ["above the data directory", "/data"],
      ["at the data directory", "/data/etcd"],
      ["below the data directory", "/data/etcd/member/wal"],
      ["with a trailing slash", "/data/"],
    ])("a mount point %s must be mounted", (_, path) => {
      const host = newHost();
      fstab(host, `/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 @${path} ext4 defaults 0 2\n`);
      mounted(host);
      const point = path.replace(/\/$/, "");
      expect(refusals(host)).toEqual([absent(point, IN_FSTAB)]);
      mounted(host, host.path(point));
      expect(refusals(host)).toEqual([]);
    });

    test("the last line counts even without a line break, and a bind mount counts like any other", () => {
      const host = newHost();
      mounted(host);
      fstab(host, "/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 @/data ext4 defaults 0 2");
      expect(refusals(host)).toEqual([absent("/data", IN_FSTAB)]);
      fstab(host, "/srv/big @/data none bind 0 0");
      expect(refusals(host)).toEqual([absent("/data", IN_FSTAB)]);
    });

    test.each([
      ["a mount point in a comment", "#/dev/sdb1 @/data ext4 defaults 0 2\n  # /dev/sdb1 @/data ext4\n"],
      ["a file system with noauto", "/dev/sdb1 @/data ext4 rw,noauto 0 2\n"],
      ["swap space", "/dev/sdb1 none swap sw 0 0\n"],
      ["another directory", "/dev/sdb1 @/data2 ext4 defaults 0 2\n/dev/sdb2 @/data\\0402 ext4 defaults 0 2\n"],
      ["a directory beside the data directory", "/dev/sdb1 @/data/logs ext4 defaults 0 2\n"],
      [
        "a directory below the data directory that holds no data",
        "/dev/sdb1 @/data/etcd/.zfs/snapshot/x zfs defaults 0 0\n",
      ],
    ])("%s need not be mounted", (_, text) => {
      const host = newHost();
      mounted(host);
      fstab(host, text);
      expect(refusals(host)).toEqual([]);
    });

    test("a host without an fstab is accepted", () => {
      expect(refusals(newHost())).toEqual([]);
    });
  });

  test("an enabled mount unit must be mounted", () => {
    const host = newHost();
    mounted(host);
    host.stub(
      "systemctl",
      // systemctl shows an inactive unit only with --all.
      `[ "$1 $2" = "show --all" ] && printf '%s\\n' Id=proc.mount Where=/proc UnitFileState= '' Id=data.mount Where=${host.path("/data")} UnitFileState=enabled`,
    );
    expect(refusals(host)).toEqual([absent("/data", "should be mounted by data.mount but is not")]);
    mounted(host, host.path("/data"));
    expect(refusals(host)).toEqual([]);
  });

  describe("what was mounted when the member was healthy", () => {
    const LAST = "was mounted when this member was last healthy and is not now";
    const FORGET =
      "; if the data are to be elsewhere from now on: rm -f /var/lib/cdktf-etcd/a/mounts /opt/etcd/mounts, and apply again";

    function remembered(): Host {
      const host = clusterHost();
      runningHost(host);
      mounted(host, host.path("/data"), host.path("/data/etcd/member/wal"), host.path("/data2"), "/srv");
      expect(rollout(host).code).toBe(0);
      return host;
    }

    test("is remembered by its rollout, and published for the startup script", () => {
      const host = remembered();
      const points = `${host.path("/data")}\n${host.path("/data/etcd/member/wal")}\n`;
      expect(host.read(MOUNTS)).toBe(points);
      expect(host.read("/opt/etcd/mounts")).toBe(points);
      expect(refusals(host)).toEqual([]);
    });

    test("must still be mounted, and each missing mount is named once, with how to forget it", () => {
      const host = remembered();
      host.write("/etc/fstab", `/dev/sdb1 ${host.path("/data")} ext4 defaults 0 2\n`);
      mounted(host, host.path("/data2"));
      expect(refusals(host)).toEqual([absent("/data", IN_FSTAB), absent("/data/etcd/member/wal", LAST, FORGET)]);
    });

    test("does not matter to a member with another data directory", () => {
      const host = remembered();
      mounted(host);
      expect(refusals(host, "DATA_DIR=/elsewhere; check_mounted")).toEqual([]);
    });

    test("stays published when the version in use changes", () => {
      const host = remembered();
      host.call('rm "$CURRENT/mounts"; activate');
      expect(host.read("/opt/etcd/mounts")).toBe(host.read(MOUNTS));
    });

    test("are known to the startup script although the phase that had noted them was killed", () => {
      const host = newHost();
      runningHost(host);
      mounted(host, host.path("/data/etcd"));
      host.call("publish_mounts() { kill -9 $$; }; remember_mounts");
      expect([host.has(MOUNTS), host.has("/opt/etcd/mounts")]).toEqual([true, false]);
      host.call("remember_mounts");
      expect(host.read("/opt/etcd/mounts")).toBe(host.read(MOUNTS));
    });

    test("is an empty list if nothing was mounted", () => {
      const host = clusterHost();
      runningHost(host);
      mounted(host, "/srv");
      expect(rollout(host).code).toBe(0);
      expect(host.read(MOUNTS)).toBe("");
    });
  });

  test("the disk of the backups must be mounted, for a deploy and for each backup", () => {
    const host = newHost({ props: { backups: EtcdBackups.onHosts({ directory: "/data/backups/etcd" }) } });
    host.write(
      "/etc/fstab",
      `/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 ${host.path("/data/backups")} ext4 defaults 0 2\n`,
    );
    const directory = `BACKUP_DIR='${host.path("/data/backups/etcd")}'`;
    const check = () => host.call(`${directory}; check_backup_disk`).lines;
    const place = () => host.backup(`${directory}; private_directory() { :; }; has_backup_place; echo $reason`).lines;
    mounted(host);
    expect(check()).toEqual([
      `a on host-a: test refused: backups.directory: /data/backups ${IN_FSTAB}, so backups would go to another disk; to do: mount /data/backups`,
    ]);
    expect(place()).toEqual([`/data/backups ${IN_FSTAB}`]);
    mounted(host, host.path("/data/backups"));
    expect(check()).toEqual([]);
    expect(place()).not.toEqual([`/data/backups ${IN_FSTAB}`]);
  });

  test.each(["bootstrap", "rollout"])("a %s checks the mounts before it founds, starts or joins anything", (name) => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    host.write("/etc/fstab", `/dev/sdb1 ${host.path("/data")} ext4 defaults 0 2\n`);
    mounted(host);
    const run =
      name === "rollout"
        ? rollout(host)
        : phase(host, name, { ...rolloutData(host), FOUNDERS: "", CLUSTER_TOKEN: "1" });
    expect(run).toEqual({
      code: 3,
      lines: [`a on host-a: ${name} refused: data directory: ${absent("/data", IN_FSTAB)}`],
    });
    expect(host.has("/run/etcd.args")).toBe(false);
    expect(cluster.changes()).toEqual([]);
  });

  test.each(["bootstrap", "rollout", "shutdown"])(
    "a %s does not take data that cannot be read for data that are gone",
    (name) => {
      const host = clusterHost();
      const cluster = stagedHost(host);
      const wal = host.path("/data/etcd/member/wal");
      host.write("/data/etcd/member/snap/db", "");
      host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
      cluster.members("a", "b", "c");
      cluster.healthy("bc");
      // Root can read every directory of the test, so the disk cannot really fail.
      const broken = `echo "find: '${wal}': Input/output error" >&2; exit 1`;
      host.stub("find", `case "$*" in *" -maxdepth 3") ${broken} ;; *) exec '${host.path("/bin/find")}' "$@" ;; esac`);
      const data = {
        ...rolloutData(host),
        ...{ FOUNDERS: "", CLUSTER_TOKEN: "1", CLUSTER: "stack/etcd", REMOVAL_POLICY: "destroy" },
      };
      expect(phase(host, name, data)).toEqual({
        code: 3,
        lines: [
          `a on host-a: ${name} refused: data directory: what is in /data/etcd or /var/lib/cdktf-etcd/a cannot be read ('/data/etcd/member/wal': Input/output error), so it is unknown whether this member has data; to do: correct that, and apply again; if the disk is lost, mount an empty one in its place (docs/lost-data.md#a-disk-that-fails)`,
        ],
      });
      expect(host.has("/run/etcd.args")).toBe(false);
      expect(host.has("/data/etcd/member/snap/db")).toBe(true);
      expect(cluster.changes()).toEqual([]);
    },
  );

  test("a directory of the backups that cannot be read is refused before a stage tries to create it", () => {
    const host = newHost();
    const directory = host.path("/backups/etcd");
    host.stub("find", `case "$1" in '${directory}') echo "find: '$1': Stale file handle" >&2; exit 1 ;; esac`);
    expect(host.call("check_disk", { BACKUP_DIR: directory }).lines).toEqual([
      "a on host-a: test refused: directory: what is in /backups/etcd cannot be read ('/backups/etcd': Stale file handle); to do: correct that, or set backups.directory",
    ]);
  });

  test("data that do not exist yet, or that vanish while they are looked at, can be read", () => {
    const host = newHost();
    mounted(host);
    expect(refusals(host)).toEqual([]);
    host.stub("find", `echo "find: '/data/etcd/member/snap/db.tmp': No such file or directory" >&2; exit 1`);
    expect(refusals(host)).toEqual([]);
    host.stub("find", "exit 1");
    expect(refusals(host)).toEqual([expect.stringContaining("cannot be read (find was ended), so it is unknown")]);
  });

  test("a write-ahead log without files means that the data are lost, and the member is removed and joined again", () => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    host.write("/data/etcd/member/snap/db", "");
    host.call('mkdir "$DATA_DIR/member/wal"');
    host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
    cluster.members("a", "b", "c");
    cluster.healthy("bc");
    cluster.status("a");
    expect(rollout(host).lines.map((line) => line.split("rollout: ")[1])).toEqual([
      expect.stringContaining("moved the contents of"),
      "its data are gone: removing the member, then joining it again",
      expect.stringContaining("removed a"),
      "added to the cluster",
      expect.stringContaining("is a learner"),
      "promoted",
      "healthy",
    ]);
  });
});
