import { chmodSync, chownSync, linkSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { clusterHosts } from "../support/fake-etcd";
import { installSupervisor, OWN_STATUS } from "../support/fake-supervisor";
import type { Host } from "../support/host";
import { checkData, mounted, pid, rollout, runningHost, stagedHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";

const refused = (text: string) => `a on host-a: test refused: ${text}`;
const STARTED = "/var/lib/cdktf-etcd/a/started";
const MARK = "/data/etcd/.cdktf-etcd";

/** Creates a data directory as etcd leaves it. */
function withData(host: Host): void {
  host.write("/data/etcd/member/wal/0.wal", "");
  host.call('put_directory "$DATA_DIR" 700');
}

inEachShell((newHost) => {
  const clusterHost = clusterHosts(newHost);
  const check = (host: Host, text = "check_data") => host.call(text).lines;

  test("an installation that is not a link is refused", () => {
    const host = newHost();
    host.write("/opt/etcd/etcd", "");
    expect(check(host, "check_installation")).toEqual([
      refused("installation: /opt/etcd is not a link; to do: move it away, or set paths.installRoot"),
    ]);
  });

  test.each<[title: string, type: string, bytes: number, quota: number | undefined, warning: string | undefined]>([
    ["a disk that the quota fits on", "ext4", 4 * 1024 ** 3, 4 * 1024 ** 3, undefined],
    ["a small disk, and no quota in the program", "ext4", 1024 ** 3, undefined, undefined],
    [
      "a disk that is smaller than the quota",
      "xfs",
      1024 ** 3,
      4 * 1024 ** 3,
      "the file system of /data/etcd has 1024 MB in all, and quotaBackendBytes is 4096 MB: it would be full, and etcd would end, before etcd stops accepting writes",
    ],
    [
      "a disk in memory",
      "tmpfs",
      1024 ** 3,
      undefined,
      "/data/etcd is in memory, so this member's data are gone after a reboot; if that happens to a quorum, all data are",
    ],
    ...["nfs4", "cifs", "vboxsf", "fuse.sshfs"].map<[string, string, number, undefined, string]>((type) => [
      type,
      type,
      1024 ** 4,
      undefined,
      `/data/etcd is not on a disk of this host, but on ${type}: etcd waits for it at every write, and after an outage there it may not start, because its files are still locked; use a local disk`,
    ]),
  ])("the disk of the data is accepted, with a warning if need be: %s", (_, type, bytes, quota, warning) => {
    const host = newHost({ props: { quotaBackendBytes: quota } });
    host.stub("df", `printf 'Type     1B-blocks\\n%-5s %s\\n' ${type} ${bytes}`);
    expect(check(host, "warn_of_data_disk")).toEqual(warning ? [`a on host-a: test: warning: ${warning}`] : []);
  });

  describe("a data directory without data", () => {
    test.each([
      ["that is empty", []],
      ["with what mkfs creates", ["lost+found/"]],
      ["with what mkfs creates on a disk for the member directory", ["member/lost+found/"]],
      ["with the leftovers of a first start that was killed, which rollout moves aside,", ["member/snap/db.tmp"]],
    ])("%s is accepted", (_, entries) => {
      const host = newHost();
      host.call('put_directory "$DATA_DIR" 700');
      for (const entry of entries) {
        if (entry.endsWith("/")) host.call(`mkdir -p "$DATA_DIR/${entry}"`);
        else host.write(`/data/etcd/${entry}`, "");
      }
      expect(check(host)).toEqual([]);
    });

    test("with something else in it is refused", () => {
      const host = newHost();
      host.write("/data/etcd/diary", "");
      expect(check(host)).toEqual([
        refused(
          "data directory: /data/etcd is not empty and does not contain etcd data; to do: move it away, or set paths.dataDir",
        ),
      ]);
    });

    test("with a mount point in place of the log is refused, because etcd could not create the log there", () => {
      const host = newHost();
      host.write("/data/etcd/member/snap/db", "");
      host.call('mkdir -p "$DATA_DIR/member/wal/lost+found"');
      mounted(host, host.path("/data/etcd/member"));
      expect(check(host)).toEqual([]);
      mounted(host, host.path("/data/etcd/member/wal"));
      expect(check(host)).toEqual([
        refused(
          "data directory: /data/etcd/member/wal is a mount point without a write-ahead log, and etcd cannot create one on a mount point; to do: if the log is on another disk, mount that disk; for a new member, run umount /data/etcd/member/wal, apply, and see docs/lost-data.md#a-disk-of-its-own-for-the-write-ahead-log",
        ),
      ]);
      withData(host);
      host.call("mark_started");
      expect(check(host)).toEqual([]);
    });

    test("with only the contents of a new file system is used as it is for a join, and nothing is moved aside", () => {
      const host = clusterHost();
      const cluster = stagedHost(host);
      cluster.members("b", "c");
      cluster.healthy("bc");
      cluster.status("a");
      host.call('mkdir -p "$DATA_DIR/lost+found"');
      expect(rollout(host).code).toBe(0);
      expect(host.list("/data").filter((name) => name.includes("aside"))).toEqual([]);
      expect(host.has("/data/etcd/lost+found")).toBe(true);
    });
  });

  describe("data", () => {
    const ADOPT =
      "if they are the data of a with peer URL https://127.0.0.1:2380, run mkdir -p -m 700 /var/lib/cdktf-etcd/a && echo https://127.0.0.1:2380 >/var/lib/cdktf-etcd/a/started, and apply again; otherwise set paths.dataDir to another directory";

    test("without a mark are refused, and the command in the message adopts them", () => {
      const host = newHost();
      withData(host);
      const [line] = check(host);
      expect(line).toBe(
        refused(
          `data directory: /data/etcd holds etcd data, and nothing on this host says which member they belong to: this package marks the data that it creates, and the mark is gone if the operating system was reinstalled; to do: ${ADOPT}`,
        ),
      );
      const command = /2380, run (mkdir .*started), and apply/.exec(line)?.[1] ?? "";
      host.call(command.replace(/\/var\/lib/g, `'${host.root}'$&`));
      expect(check(host)).toEqual([]);
    });

    test("are also marked in their own directory, which outlives the operating system", () => {
      const host = newHost();
      withData(host);
      host.call("mark_started");
      expect(host.read(MARK)).toBe("member=a\npeer_url=https://127.0.0.1:2380\n");
      expect(check(host)).toEqual([]);
      rmSync(host.path("/var/lib/cdktf-etcd"), { recursive: true });
      expect(check(host)).toEqual([]);
      expect(check(host, "adopt_data")).toEqual([
        "a on host-a: test: adopted the data in /data/etcd, which are this member's own",
      ]);
      expect(host.read(STARTED)).toBe("https://127.0.0.1:2380\n");
      expect(check(host, "adopt_data")).toEqual([]);
    });

    test("with another member's mark are refused, and the contents of that mark are not trusted", () => {
      const host = newHost();
      withData(host);
      host.write(MARK, "member=b$(id)\x1b[31m;`x`\npeer_url=https://127.0.0.2:2380\n");
      expect(check(host)).toEqual([
        refused(
          "data directory: /data/etcd holds the data of the member bid[31mx with peer URL https://127.0.0.2:2380, not those of a with peer URL https://127.0.0.1:2380; to do: set the member's name, address and ports.peer to those; or set paths.dataDir to another directory",
        ),
      ]);
      expect(check(host, "adopt_data")).toEqual([]);
      expect(host.has(STARTED)).toBe(false);
    });

    test("of another member, on a disk that was moved into this member's host, are refused, and their mark is kept", () => {
      const host = newHost();
      withData(host);
      host.call("mark_started");
      const theirs = "member=b\npeer_url=https://127.0.0.2:2380\n";
      host.write(MARK, theirs);
      expect(check(host)).toEqual([
        refused(
          "data directory: /data/etcd holds the data of the member b with peer URL https://127.0.0.2:2380, not those of a with peer URL https://127.0.0.1:2380: etcd would run as that member here; to do: run supervisorctl stop a, and bring the right disk or directory back; if the data of a are gone for good, move these data away and increase its reprovision",
        ),
      ]);
      host.call("mark_started");
      expect(host.read(MARK)).toBe(theirs);
    });

    test("are this member's although its records were emptied by a power cut, and get their marks back", () => {
      const host = newHost();
      withData(host);
      host.call("claim_host; mark_started");
      for (const file of [STARTED, MARK, "/var/lib/cdktf-etcd/a/claim"]) host.write(file, "");
      expect(check(host)).toEqual([]);
      host.call("mark_started");
      expect(host.read(STARTED)).toBe("https://127.0.0.1:2380\n");
      expect(host.read(MARK)).toContain("peer_url=https://127.0.0.1:2380\n");
    });

    test("without a mark are refused in a directory other than the one that this member has claimed", () => {
      const host = newHost();
      withData(host);
      host.call("mark_started; claim_host; rm $DATA_MARK");
      expect(check(host)).toEqual([]);
      host.write("/data2/etcd/member/wal/0.wal", "somebody's");
      const moved = `DATA_DIR='${host.path("/data2/etcd")}'; DATA_MARK=$DATA_DIR/.cdktf-etcd`;
      expect(check(host, `${moved}; check_data`)).toEqual([
        refused(
          "data directory: this member's data are in /data/etcd, and /data2/etcd holds other etcd data; nothing on this host says which member those belong to; to do: set paths.dataDir back to /data/etcd",
        ),
      ]);
    });

    test("without a write-ahead log are refused, because the log may be elsewhere, unless this package created them", () => {
      const host = newHost();
      host.write("/data/etcd/member/snap/db", "somebody's");
      expect(check(host)).toEqual([
        refused(
          "data directory: /data/etcd/member holds an etcd database without a write-ahead log, and nothing on this host says which member it belongs to; to do: find its write-ahead log (perhaps the --wal-dir of another etcd), move the database away, or set paths.dataDir",
        ),
      ]);
      host.call("claim_host");
      expect(check(host)).toEqual([]);
    });

    test("are refused while this host keeps the data of another member of the same name in another directory", () => {
      const host = newHost();
      const released = `member=a\npeer_url=https://127.0.0.1:3380\ndata_dir=/elsewhere\n`;
      host.write("/var/lib/cdktf-etcd/a/released", released);
      expect(check(host)).toEqual([
        refused(
          "member: this host had a member a with peer URL https://127.0.0.1:3380 and data in /elsewhere, which were kept; to do: give this member another name; or, if that member is gone for good, run rm -r /var/lib/cdktf-etcd/a, and apply again",
        ),
      ]);
      host.write("/var/lib/cdktf-etcd/a/released", released.replace("/elsewhere", host.path("/data/etcd")));
      expect(check(host)).toEqual([]);
    });

    test("that were moved aside here earlier are ignored", () => {
      const host = newHost();
      host.write("/data/etcd/aside-20260101T000000Z/member/wal/0.wal", "");
      host.write("/data/etcd/member/snap/x", "");
      expect(check(host)).toEqual([]);
    });

    test("of a member with another peer URL are refused", () => {
      const host = newHost();
      withData(host);
      host.write(STARTED, "https://10.4.7.99:2380\n");
      expect(check(host)).toEqual([
        refused(
          "data directory: the data in /data/etcd belong to the member with peer URL https://10.4.7.99:2380, not https://127.0.0.1:2380: the cluster identifies a member by its peer URL; to do: set the member's address and ports.peer back; or, if these data are no longer needed, move them away",
        ),
      ]);
    });

    test("are not identified by a mark that is a link, and the link is never followed", () => {
      const host = newHost();
      withData(host);
      host.write("/secret", "member=a\npeer_url=https://127.0.0.1:2380\n");
      host.call(`ln -s '${host.path("/secret")}' "$DATA_MARK"`);
      expect(check(host)[0]).toContain("nothing on this host says which member they belong to");
      host.write("/secret", "secret\n");
      host.call("mark_started");
      expect(host.read("/secret")).toBe("secret\n");
      expect(host.read(MARK)).toContain("member=a\n");
    });
  });

  testAsRoot("root opens nothing that etcd's user could put in the place of a new mark", () => {
    const host = newHost();
    withData(host);
    host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"');
    host.write("/secret", "for root alone", 0o600);
    host.write("/tmp/opened", "", 0o666);
    chmodSync(host.root, 0o711);
    const tool = (name: string) => `'${host.path(`/bin/${name}`)}' "$@"`;
    host.stub("setpriv", `exec ${tool("setpriv")}`);
    host.stub(
      "mv",
      `${tool("mv")} && case $* in *data-mark*) ln -sf '${host.path("/secret")}' '${host.path(MARK)}' ;; esac`,
    );
    host.stub("sync", `head -c 100 "$1" >>'${host.path("/tmp/opened")}'`);
    expect(host.call("mark_started").code).toBe(0);
    expect([host.read(MARK), host.read("/tmp/opened")]).toEqual(["for root alone", ""]);
  });

  testAsRoot(
    "data that belong to another uid are given to etcd's user, and an etcd that runs as another user is refused",
    () => {
      const host = newHost();
      withData(host);
      host.write("/elsewhere", "");
      host.call(
        'mkdir "$DATA_DIR/lost+found"; ln -s "$DATA_DIR/../../elsewhere" "$DATA_DIR/member/link"; chown -R -h root "$DATA_DIR"',
      );
      expect(check(host, "check_user")).toEqual([]);
      const owners = () =>
        check(host, 'cd "$DATA_DIR" && stat -c "%U %n" member/wal/0.wal member/link lost+found ../../elsewhere');
      expect(owners()).toEqual([
        "root member/wal/0.wal",
        "root member/link",
        "root lost+found",
        "root ../../elsewhere",
      ]);
      host.call("give_data_to_user");
      const { user } = host.cluster;
      expect(owners()).toEqual([
        `${user} member/wal/0.wal`,
        `${user} member/link`,
        "root lost+found",
        "root ../../elsewhere",
      ]);

      const running = newHost();
      runningHost(running);
      expect(check(running, "check_user")).toEqual([]);
      running.call('chown -h root "/proc/$(etcd_pid)"'.replace("/proc", running.path("/proc")));
      expect(check(running, "check_user")).toEqual([
        refused(
          `user: etcd runs here as root (process ${pid(running)}), not as ${user}: somebody has started it by hand; to do: run supervisorctl stop a and kill ${pid(running)}; when it has ended, run supervisorctl start a, and apply again`,
        ),
      ]);
      running.call('chown root "$DATA_DIR"');
      expect(check(running, "check_user")).toEqual([
        refused(
          `user: etcd runs here as root (process ${pid(running)}), but the program has the user ${user}; the user of a running member cannot be changed; to do: run supervisorctl stop a, make sure that process ${pid(running)} has ended, and apply again, which gives its data to ${user}; or set user to root`,
        ),
      ]);
    },
  );

  testAsRoot("files of another user are refused, unless the whole data directory belongs to that user", () => {
    const host = newHost();
    withData(host);
    host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"');
    expect(check(host, "check_readable")).toEqual([]);
    host.write("/data/etcd/member/wal/1.wal", "");
    const { user } = host.cluster;
    expect(check(host, "check_readable")).toEqual([
      refused(
        `data directory: /data/etcd/member/wal/1.wal belongs to root, and etcd, which runs as ${user}, may not be able to read it: somebody has run etcd, or restored data, as another user; to do: find /data/etcd/member ! -user ${user} \\( -type d -o -links 1 \\) -execdir chown -h ${user}: {} +, and apply again`,
      ),
    ]);
    // etcd's user could have put another name of a file of root's there, and waits for root to run that command.
    host.write("/srv/victim", "");
    linkSync(host.path("/srv/victim"), host.path("/data/etcd/member/wal/2.wal"));
    const [command] = /find .* \+(?=, and apply)/.exec(check(host, "check_readable").join()) ?? [];
    host.call(String(command).replace("/data", host.path("/data")));
    const owner = (path: string) => statSync(host.path(path)).uid;
    expect([owner("/srv/victim"), owner("/data/etcd/member/wal/1.wal")]).toEqual([0, owner("/data/etcd")]);
    rmSync(host.path("/data/etcd/member/wal/2.wal"));
    expect(check(host, "check_readable")).toEqual([]);
    chownSync(host.path("/data/etcd/member/wal/1.wal"), 0, 0);
    host.call('chown root "$DATA_DIR"; give_data_to_user; put_directory "$DATA_DIR" 700');
    expect(check(host, "check_readable")).toEqual([]);
  });

  testAsRoot("another name of the same user is no other user", () => {
    const host = newHost();
    runningHost(host);
    const uid = statSync(host.path("/data/etcd")).uid;
    host.stub("id", `[ "$*" != "-u alias" ] || { echo ${uid}; exit; }; exec '${host.path("/bin/id")}' "$@"`);
    expect(check(host, "ETCD_USER=alias; check_user; check_readable")).toEqual([]);
    rmSync(host.path("/data/etcd/member"), { recursive: true });
    expect(check(host, "ETCD_USER=alias; check_data_owner")).toEqual([]);
  });

  testAsRoot("a file with a hard link elsewhere, or with another owner than the directory, keeps its owner", () => {
    const host = newHost();
    withData(host);
    host.write("/elsewhere", "");
    linkSync(host.path("/elsewhere"), host.path("/data/etcd/member/x"));
    host.write("/data/etcd/member/y", "");
    chownSync(host.path("/data/etcd/member/y"), 12345, 0);
    host.call("give_data_to_user");
    expect(check(host, 'cd "$DATA_DIR" && stat -c "%u %n" member/x member/y')).toEqual([
      "0 member/x",
      "12345 member/y",
    ]);
  });

  describe("a write-ahead log on a disk of its own", () => {
    const onDisk = () => {
      const host = newHost();
      withData(host);
      mounted(host, host.path("/data/etcd/member/wal"));
      host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"; mark_started');
      return host;
    };

    test("has its member's mark, which does not count as data", () => {
      const host = onDisk();
      expect(host.read("/data/etcd/member/wal/.cdktf-etcd")).toBe(`member=a\npeer_url=${host.member.peerUrl}\n`);
      expect(check(host, "check_data")).toEqual([]);
    });

    test("is refused if it belongs to another member", () => {
      const host = onDisk();
      host.write("/data/etcd/member/wal/.cdktf-etcd", "member=b\npeer_url=https://127.0.0.2:2380\n");
      expect(check(host, "check_data")).toEqual([
        refused(
          `data directory: /data/etcd/member/wal holds the write-ahead log of the member b with peer URL https://127.0.0.2:2380, not that of a with peer URL ${host.member.peerUrl}: etcd would run as that member here; to do: run supervisorctl stop a, and bring the right disk back`,
        ),
      ]);
    });
  });

  test("reading a mark never blocks and reads only one block, whatever the size and type of the mark", () => {
    const host = newHost();
    withData(host);
    host.call('truncate -s 5G "$DATA_MARK" 2>/dev/null || : >"$DATA_MARK"');
    expect(host.call('look_at_mark; echo "$mark_member"').lines).toEqual([""]);
    host.call('rm "$DATA_MARK"; mkfifo "$DATA_MARK"');
    expect(host.call('look_at_mark; echo "$mark_member"').lines).toEqual([""]);
    host.write("/secret", "member=stolen\n");
    host.call(`rm "$DATA_MARK"; ln -s '${host.path("/secret")}' "$DATA_MARK"`);
    expect(host.call('look_at_mark; echo "$mark_member"').lines).toEqual([""]);
  });

  describe("a member whose data cannot be seen is never removed", () => {
    function hidden() {
      const host = clusterHost();
      const cluster = runningHost(host);
      host.call('has_it_open() { [ -n "$(open_wal "$(etcd_pid)")" ]; }; wait_until 20 has_it_open');
      return { host, cluster };
    }
    const left = (host: Host, why: string) => {
      const run = rollout(host);
      expect(run).toEqual({ code: 3, lines: [`a on host-a: rollout refused: data directory: ${why}`] });
      expect(check(host, "check_hidden")).toEqual([refused(`data directory: ${why}`)]);
    };

    test("if a mount hides the data of its running etcd", () => {
      const { host, cluster } = hidden();
      // A test cannot mount a file system, so it replaces etcd's own view of its files instead.
      host.call('rm "$DATA_DIR/member/wal/0.wal"');
      mounted(host, host.path("/data"), host.path("/data/etcd"));
      const view = `open_wal() { echo "$DATA_DIR/member/wal/0.wal"; }; `;
      expect(check(host, `${view} check_hidden`)).toEqual([
        refused(
          "data directory: etcd runs on data in /data/etcd that are hidden: /data/etcd was mounted over them; to do: run umount /data/etcd; to move the data to that disk, run supervisorctl stop a, copy the data to the disk, and move the old data away before you mount the disk again; then run terraform apply -replace='null_resource.rollout', which records the mount",
        ),
      ]);
      expect(cluster.changes()).toEqual([]);
    });

    test("if a mount hides the data of its stopped etcd", () => {
      const { host, cluster } = hidden();
      mounted(host, host.path("/data"));
      expect(rollout(host).code).toBe(0);
      host.call('supervisorctl stop a; rm "$DATA_DIR/member/wal/0.wal"');
      cluster.unhealthy("a");
      expect(check(host, "check_hidden")).toEqual([]);
      mounted(host, host.path("/data"), host.path("/data/etcd"));
      left(
        host,
        "/data/etcd was not mounted when this member was last healthy, and it hides what is in that directory; to do: run umount /data/etcd and supervisorctl restart a; if the hidden data are gone for good, run rm -f /var/lib/cdktf-etcd/a/mounts /opt/etcd/mounts, and apply again",
      );
      expect(cluster.changes()).toEqual([]);
      host.call('rm -f "$MOUNTS" "$MOUNTS_PUBLISHED"');
      expect(check(host, "check_hidden")).toEqual([]);
    });

    test("if the data were moved", () => {
      const { host, cluster } = hidden();
      renameSync(host.path("/data/etcd"), host.path("/data/old"));
      left(
        host,
        "etcd runs on data that were moved to /data/old; to do: move them back to /data/etcd, and apply again",
      );
      cluster.unhealthy("a");
      left(
        host,
        "etcd runs on data that were moved to /data/old; to do: move them back to /data/etcd, and apply again",
      );
      expect(cluster.changes()).toEqual([]);
    });

    test("if the data were deleted, unless its reprovision number was raised, which counts once for each number", () => {
      const { host, cluster } = hidden();
      rmSync(host.path("/data/etcd"), { recursive: true });
      left(
        host,
        "the data in /data/etcd were deleted under the running etcd, which is still healthy but would not start again; to do: to re-provision the member, increase its reprovision by one, and apply again",
      );
      expect(cluster.changes()).toEqual([]);
      host.write("/var/lib/cdktf-etcd/a/reprovision", "1\n");
      expect(check(host, "REPROVISION=1; check_hidden")).toHaveLength(1);
      expect(check(host, "REPROVISION=2; check_hidden")).toEqual([]);
      expect(check(host, "REPROVISION=2; remember_reprovision; is_to_be_provisioned_anew || echo done")).toEqual([
        "done",
      ]);
      expect(host.read("/var/lib/cdktf-etcd/a/reprovision")).toBe("2\n");
    });

    test("and is not refused if its etcd has no data open", () => {
      const { host } = hidden();
      expect(check(host, "check_hidden")).toEqual([]);
      host.call("supervisorctl stop a");
      rmSync(host.path("/data/etcd"), { recursive: true });
      expect(check(host, "check_hidden")).toEqual([]);
    });
  });

  describe("a running member", () => {
    test.each([
      [
        "DATA_DIR=/elsewhere",
        "changed data-dir: the running member has /data/etcd, but the program says /elsewhere; a deploy does not move a member's data to another directory; to do: set paths.dataDir back; to move the data, remove the member from the program, deploy, and add it again with the new directory",
      ],
      [
        "PEER_URL=https://127.0.0.1:2390",
        "changed initial-advertise-peer-urls: the running member has https://127.0.0.1:2380, but the program says https://127.0.0.1:2390; the cluster identifies the member by its peer URL; to do: set address and ports.peer back; to move the member, remove it from the program, deploy, and add it again",
      ],
    ])("cannot change its data directory or peer URL: %s", (change, why) => {
      const host = newHost();
      runningHost(host);
      expect(check(host, "check_identity; check_shape")).toEqual([]);
      expect(check(host, `${change}; check_identity; check_shape`)).toEqual([refused(why)]);
    });

    test("is not the etcd of a container, whatever its name", () => {
      const host = newHost();
      for (const [process, namespace] of [
        ["99999998", "container"],
        ["self", "host"],
      ]) {
        host.write(`/namespaces/${namespace}`, "");
        mkdirSync(host.path(`/proc/${process}/ns`), { recursive: true });
        symlinkSync(host.path(`/namespaces/${namespace}`), host.path(`/proc/${process}/ns/pid`));
      }
      host.write("/proc/99999998/comm", "etcd\n");
      host.write("/proc/99999998/status", OWN_STATUS);
      host.write("/proc/99999998/cmdline", "etcd\0--name=a\0--data-dir=/var/lib/etcd\0");
      host.stub("ss", `echo 'LISTEN 0 4096 127.0.0.1:2379 0.0.0.0:* users:(("etcd",pid=99999998,fd=3))'`);
      expect(check(host, "check_shape; check_ports")).toEqual([
        refused(
          'client port: port 2379 is taken on 127.0.0.1:2379 by users:(("etcd",pid=99999998,fd=3)); to do: stop that program, or set ports.client',
        ),
      ]);
      host.write("/proc/99999998/cmdline", `etcd\0--name=a\0--data-dir=${host.path("/data/etcd")}\0`);
      expect(check(host, "etcd_pid; check_other_etcd")).toEqual([
        refused(
          "other etcd: process 99999998 is an etcd that uses /data/etcd and that this package did not start; to do: stop it, or set paths.dataDir",
        ),
      ]);
    });

    test("may get another client port, which needs a restart", () => {
      const host = newHost();
      runningHost(host);
      expect(check(host, "CLIENT_URL=https://127.0.0.1:2479; check_identity; check_shape")).toEqual([]);
    });

    test.each([
      [
        "the member was renamed",
        "MEMBER=aa; INITIAL_CLUSTER=aa=$PEER_URL,b=https://127.0.0.2:2380",
        "member: this host runs the member a of this cluster (https://127.0.0.1:2380), but the program calls it aa; to do: set the name back to a; to rename the member, remove a from the program, deploy, and add it again as aa",
      ],
      [
        "the addresses of two members were swapped",
        "MEMBER=b; INITIAL_CLUSTER=a=https://127.0.0.2:2380,b=$PEER_URL",
        "member: this host runs the member a of this cluster (https://127.0.0.1:2380), but the program has b here; to do: set the addresses of a and b back; to move a member, remove it from the program, deploy, and add it again",
      ],
    ])("is refused in one line, and not as a foreign etcd, if %s", (_, change, why) => {
      const host = newHost();
      installSupervisor(host);
      runningHost(host);
      expect(
        host.call(`${change}; STATE_DIR=\${STATE_DIR%/a}/$MEMBER; all_checks`, checkData("ca", "leaf")).lines,
      ).toEqual([refused(why).replace(/^a/, change.slice(7).split(";")[0])]);
    });

    test("is ignored if it belongs to another cluster", () => {
      const host = newHost();
      runningHost(host);
      expect(check(host, "MEMBER=b; PEER_URL=https://127.0.0.1:12380; check_identity; check_shape")).toEqual([]);
    });
  });
});
