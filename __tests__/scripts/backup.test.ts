import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync, symlinkSync } from "node:fs";
import { BackupRetention, EtcdBackups, type EtcdBackupOptions } from "../../src/settings";
import type { Host } from "../support/host";
import { inEachShell, testAsRoot } from "../support/shells";
import { snapshot } from "../support/snapshot";

const HOUR = 3600;
const DAY = 24 * HOUR;

inEachShell((newHost) => {
  const hostWith = (options: EtcdBackupOptions = {}) =>
    newHost({ props: { backups: EtcdBackups.onHosts({ directory: "/backups", ...options }) } });

  describe("the digest that etcd appends to a snapshot", () => {
    const judge = (host: Host, content: Buffer) => {
      host.write("/snapshot.db", content);
      return host.backup(`verify_digest '${host.path("/snapshot.db")}' && echo "$sha256" || echo "$reason"`).lines[0];
    };

    test("is found and compared", () => {
      expect(judge(hostWith(), snapshot())).toBe(createHash("sha256").update("x".repeat(1024)).digest("hex"));
    });

    test("a flipped bit in a value is noticed", () => {
      const content = snapshot();
      content[500] ^= 1;
      expect(judge(hostWith(), content)).toMatch(/^the snapshot has the SHA-256 [0-9a-f]{64}, but etcd has appended /);
    });

    test.each([
      ["a snapshot that is cut off", snapshot().subarray(0, 700), 700],
      ["a snapshot without a digest", Buffer.alloc(1024), 1024],
      ["an empty file", Buffer.alloc(0), 0],
    ])("%s has none", (_, content, size) => {
      expect(judge(hostWith(), content)).toBe(`the snapshot has no digest: its size is ${size} bytes`);
    });
  });

  describe("a file to which somebody writes", () => {
    /** Runs this with `newest`, a good snapshot, and with a tool of etcd's during which somebody appends to a file. */
    const whileAppending = (host: Host, file: string, text: string) => {
      host.write("/backups/good.db", snapshot());
      return host.backup(`BACKUP_DIR='${host.path("/backups")}' MEMBER=a now=1000 began=1000 state='- 77 1 2 3.6.14 20480 9 -' url=x
know_etcd() { :; }; look_for_tools() { :; }; members_of() { :; }; endpoint_status() { :; }; set_installed_version() { return 1; }
snapshot_status() { [ -z "$during" ] || printf more >>'${host.path(file)}'; echo '{"revision":7}'; }
during=yes
exec 9>>'${host.path("/run/lock")}'
${text}`);
    };

    test("is refused by hand, although it was whole a moment before", () => {
      const host = hostWith();
      const verify = `verify_by_hand '${host.path("/backups/good.db")}'`;
      expect(whileAppending(host, "/backups/good.db", verify).lines).toEqual([
        "a on host-a: backup refused: verify: /backups/good.db: somebody still writes to it; to do: if it is still being copied, wait; otherwise use another backup",
      ]);
      expect(whileAppending(host, "/other", verify).lines).toEqual([
        expect.stringMatching(/backup: \/backups\/good\.db is good: revision 7, sha256 /),
      ]);
      expect(host.list("/backups")).toEqual(["good.db"]);
    });

    test("is copied for etcd's tool only if etcd has room beside the copy, and not while a backup is taken", () => {
      const host = hostWith();
      const verify = (before: string) =>
        whileAppending(host, "/other", `BACKUP_LOG=/log; ${before}; verify_by_hand '${host.path("/backups/good.db")}'`)
          .lines;
      expect(verify("free_mb() { echo 511; }")).toEqual([
        "a on host-a: backup refused: verify: /backups has 511 MB free, and 512 MB are needed; to do: make room, or verify it on another host",
      ]);
      expect(verify("flock() { return 1; }")).toEqual([
        "a on host-a: backup refused: verify: a backup has been running on this host for ten minutes; to do: see /log",
      ]);
      expect(host.list("/backups")).toEqual(["good.db"]);
    });

    test("does not become a backup: neither if it is written to while its digest is compared, nor after that", () => {
      const host = hostWith();
      const take = (during: string) =>
        whileAppending(
          host,
          "/other",
          `part=$BACKUP_DIR/.a.part backup=$BACKUP_DIR/a-20261126T100000Z.db
cp "$BACKUP_DIR/good.db" "$part"
${during}
if verify_snapshot "$part" && keep_snapshot "$part"; then echo kept; else echo "$reason"; fi; rm -f "$part"`,
        ).lines;
      const writes = "somebody still writes to it";
      expect(take('sha256_of_input() { printf more >>"$part"; sha256sum | cut -c1-64; }')).toEqual([writes]);
      expect(take('compare_with_another() { compared_with=; printf more >>"$part"; }')).toEqual([writes]);
      expect(take('sync() { case $1 in *.json) printf more >>"$backup" ;; esac; }')).toEqual([writes]);
      expect(host.list("/backups")).toEqual(["good.db"]);
      expect(take(":")).toEqual(["kept"]);
      expect(host.list("/backups")).toEqual(["a-20261126T100000Z.db", "a-20261126T100000Z.db.json", "good.db"]);
      // Whoever writes to it later makes it one that does not count.
      expect(whileAppending(host, "/other", "newest_backup").lines).toEqual(["/backups/a-20261126T100000Z.db"]);
      expect(
        whileAppending(host, "/other", 'printf more >>"$BACKUP_DIR/a-20261126T100000Z.db"; newest_backup').lines,
      ).toEqual([]);
    });
  });

  describe("so that etcd does not have to wait for the disk", () => {
    test("a snapshot is brought to the disk while it is written, and nothing is left running", () => {
      const host = hostWith();
      host.stub("dd", 'echo "$*" >>"$CALLS"');
      const count = `wc -l <'${host.path("/stubs/dd.calls")}'`;
      const { code, lines } = host.backup(
        `save() { sleep 1; return 7; }; write_through /part save || echo $?; ${count}; sleep 0.6; ${count}`,
      );
      expect([code, lines[0]]).toEqual([0, "7"]);
      expect(lines[2]).toBe(lines[1]);
      expect(host.calls("dd").length).toBeGreaterThan(1);
      expect(new Set(host.calls("dd"))).toEqual(new Set(["if=/dev/null of=/part conv=notrunc,nocreat,fdatasync"]));
    });

    test("a file system that cannot share what is in two files gets a copy in pieces", () => {
      const host = hostWith();
      host.write("/run/a.db", snapshot());
      host.stub("cp", "exit 1");
      const [from, to] = [host.path("/run/a.db"), host.path("/run/b.db")];
      expect(host.backup(`copy_for_tool '${from}' '${to}' && cmp '${from}' '${to}' && echo same`).lines).toEqual([
        "same",
      ]);
      expect(host.backup(`copy_for_tool '${from}' '${to}/no' || echo failed`).lines).toEqual(["failed"]);
    });
  });

  describe("the retention", () => {
    /** What is kept of backups that are this many seconds old, the newest first; each has 100 bytes. */
    function kept(options: EtcdBackupOptions, ages: number[]): number[] {
      const now = 100 * DAY + 12 * HOUR;
      const host = hostWith(options);
      const list = ages.map((age) => `${now - age} 100 /backups/a-${age}.db`).join("\n");
      const deleted = host.backup(`now=${now} TOO_OLD_AT_ONCE=99; backups_to_delete <<'LIST'\n${list}\nLIST`).lines;
      return ages.filter((age) => !deleted.includes(`/backups/a-${age}.db`));
    }

    test("keeps the last ones", () => {
      expect(kept({ keep: BackupRetention.last(2) }, [10, 20, 30, 40])).toEqual([10, 20]);
    });

    test("keeps fewer the older they are: all of an hour, then the newest of each hour, day and week", () => {
      const keep = BackupRetention.exponential({ allHours: 1, hourly: 3, daily: 2, weekly: 2 });
      const ages = [0, 1800, 3600, 5000, 7000, 9000, 12000, DAY, DAY + 100, 2 * DAY, 7 * DAY, 8 * DAY, 30 * DAY];
      expect(kept({ keep }, ages)).toEqual([0, 1800, 3600, 5000, DAY, 7 * DAY]);
    });

    test("keeps no more than the maximum size, but always the newest one", () => {
      expect(kept({ keep: BackupRetention.last(9), maxBytes: 1024 ** 2 }, [1, 2])).toEqual([1, 2]);
      const host = hostWith({ keep: BackupRetention.last(9) });
      const list = "300 100 /a\n200 100 /b\n100 100 /c";
      const deleted = (max: number) =>
        host.backup(`now=300 BACKUP_MAX_BYTES=${max}; backups_to_delete <<'LIST'\n${list}\nLIST`).lines;
      expect(deleted(250)).toEqual(["/c"]);
      expect(deleted(50)).toEqual(["/b", "/c"]);
    });

    test("backups from the future, before the clock was set back, are kept, and cost no other backup its place", () => {
      expect(kept({}, [-DAY, 0])).toEqual([-DAY, 0]);
      expect(kept({ keep: BackupRetention.last(2) }, [-2 * DAY, -DAY, 10, 20, 30])).toEqual([-2 * DAY, -DAY, 10, 20]);
    });

    test("with a maximum size, the oldest ones go, however small they are", () => {
      const host = hostWith({ keep: BackupRetention.last(9) });
      const list = "300 100 /a\n200 60 /b\n100 30 /c";
      expect(host.backup(`now=300 BACKUP_MAX_BYTES=140; backups_to_delete <<'LIST'\n${list}\nLIST`).lines).toEqual([
        "/b",
        "/c",
      ]);
    });
  });

  describe("whether a backup is due", () => {
    const due = (now: number, last: number) =>
      hostWith().backup(`now=${now}; is_due ${last} && echo yes || echo no`).lines[0];

    test.each([
      ["before the hour is over", 3599, 0, "no"],
      ["when the hour is over", 3600, 0, "yes"],
      ["a day late, after a reboot or a clock that was set forward", 10 * DAY, 9 * DAY - 1, "yes"],
      ["if the last backup is in the future, because the clock was set back", 1000, DAY, "yes"],
      ["if the last backup is from a host whose clock is a few seconds ahead", 1000, 1030, "no"],
    ])("%s", (_, now, last, answer) => {
      expect(due(now, last)).toBe(answer);
    });

    test("after the clock was set back, the loop does not wait for the time that it had chosen", () => {
      const looks = (now: number) =>
        hostWith().backup(`now=${now} look_at=5000 looked_at=1400; is_time_to_look && echo yes || echo no`).lines[0];
      expect([looks(1500), looks(5000), looks(1300)]).toEqual(["no", "yes", "yes"]);
    });
  });

  test("only a snapshot with a description counts as a backup", () => {
    const host = hostWith();
    for (const name of ["a-20261126T100000Z.db", "a-20261126T110000Z.db", "a-20261126T120000Z.db.json"]) {
      host.write(`/var/lib/backups/${name}`, "");
    }
    const description = (time: number) =>
      `{\n  "cluster_id": "4d",\n  "revision": 7,\n  "unix_time": ${time},\n  "bytes": 20512\n}\n`;
    host.write("/var/lib/backups/a-20261126T100000Z.db", Buffer.alloc(20512));
    host.write("/var/lib/backups/a-20261126T100000Z.db.json", description(1764151200));
    // The end of this one is missing, or somebody has changed it.
    for (const [stamp, text] of [
      ["20261126T130000Z", '{\n  "bytes": 20512,\n'],
      ["20261126T140000Z", '{\n  "bytes": 20512,\n  "unix_time": "x y",\n'],
    ]) {
      host.write(`/var/lib/backups/a-${stamp}.db`, Buffer.alloc(20512));
      host.write(`/var/lib/backups/a-${stamp}.db.json`, text);
    }
    const directory = `BACKUP_DIR='${host.path("/var/lib/backups")}' state='- 77 1 2 3.6.14 20480 9 -'`;
    expect(host.backup(`${directory}; list_backups; newest_backup; newest_value revision`).lines).toEqual([
      "2025-11-26T10:00:00Z        20512 bytes  revision 7            /var/lib/backups/a-20261126T100000Z.db",
      "/var/lib/backups/a-20261126T100000Z.db",
      "7",
    ]);
  });

  describe("files in the directory of backups", () => {
    /** A directory of backups with these times, each of the cluster with this ID, in hexadecimal. */
    function directoryWith(host: Host, backups: readonly [stamp: string, time: number, cluster: string][]): string {
      for (const [stamp, time, cluster] of backups) {
        host.write(`/backups/a-${stamp}.db`, Buffer.alloc(100));
        const description = `  "cluster_id": "${cluster}",\n  "unix_time": ${time},\n  "bytes": 100\n`;
        host.write(`/backups/a-${stamp}.db.json`, `{\n${description}}\n`);
      }
      return `BACKUP_DIR='${host.path("/backups")}' state='- 77 1 2 3.6.14 20480 9 -'`;
    }
    const stamp = (n: number) => `2026112${n}T100000Z`;

    test("of a former cluster, of an operator, and of a member with a longer name are not touched", () => {
      const host = hostWith({ keep: BackupRetention.last(1) });
      const set = directoryWith(host, [
        [stamp(1), 1000, "ffff"],
        [stamp(2), 2000, "4d"],
        [stamp(3), 3000, "4d"],
      ]);
      host.write("/backups/a-before-change.db", "");
      host.write(`/backups/a-1-${stamp(1)}.db`, "");
      // As an operator brings one back from another place, who copies the description last, or has none.
      host.write(`/backups/a-${stamp(4)}.db`, "");
      host.backup(`${set} now=4000; delete_old_backups`);
      expect(host.list("/backups").filter((name) => name.endsWith(".db"))).toEqual([
        `a-1-${stamp(1)}.db`,
        `a-${stamp(1)}.db`,
        `a-${stamp(3)}.db`,
        `a-${stamp(4)}.db`,
        "a-before-change.db",
      ]);
    });

    test("that a killed backup has left are deleted by the next one: also a snapshot that it has not described", () => {
      const host = hostWith();
      const killed = host.path(`/backups/a-${stamp(4)}.db`);
      const drop = () => {
        for (const name of ["part", "part.json", "part.part"]) host.write(`/backups/.a.${name}`, "");
        host.write("/backups/.a.part.name", `${killed}\n`);
        host.write(`/backups/a-${stamp(4)}.db`, "");
        host.backup(`drop_unfinished_snapshot '${host.path("/backups/.a.part")}'`);
        return host.list("/backups");
      };
      expect(drop()).toEqual([]);
      host.write(`/backups/a-${stamp(4)}.db.json`, "it was described");
      expect(drop()).toEqual([`a-${stamp(4)}.db`, `a-${stamp(4)}.db.json`]);
    });

    test("are not replaced by one that is taken in the same second, after the clock was set back", () => {
      const host = hostWith();
      host.write("/backups/a-20261126T100000Z.db", "");
      const { lines } = host.backup(`BACKUP_DIR='${host.path("/backups")}'
has_backup_place() { :; }; keep_slot() { :; }; verify_snapshot() { :; }; keep_snapshot() { echo "$backup"; }
save_snapshot() { :; }
seconds=1795687200; sleep() { seconds=$((seconds + 1)); }
date() { case $* in +%s) echo "$seconds" ;; *) command date "$@" ;; esac; }
take_backup`);
      expect(lines).toEqual(["/backups/a-20261126T100001Z.db"]);
    });

    test("that take long keep the slot, also where etcdctl cannot renew a lease, as before 3.3", () => {
      const { lines } = hostWith().backup(`
etcdctl_at() {
  case $* in
    *keep-alive*) return 1 ;;
    *"lease grant"*) echo "lease 8 granted with TTL(900s)" ;;
    *txn) grep -q '^create' && echo FAILURE && echo "a ($PEER_URL)" || echo SUCCESS ;;
  esac
}
url=x slot=7; keep_slot; echo "$slot"`);
      expect(lines).toEqual(["8"]);
    });

    test("go into a directory that nobody else may enter, also if somebody has opened it since the last one", () => {
      const host = hostWith();
      const set = `
take_if_due() { private_directory "$BACKUP_DIR"; }; know_etcd() { :; }; look_for_tools() { :; }
exec 9>'${host.path("/lock")}'`;
      const { lines } = host.backup(`${set}; now=0; look; chmod 755 "$BACKUP_DIR"; look; stat -c %a "$BACKUP_DIR"`);
      expect(lines).toEqual(["700"]);
    });

    /** A directory that another user has by now, in which that user has put a link in the place of the backups. */
    function hostOfThief(): { host: Host; set: string } {
      const host = hostWith();
      host.write("/srv/victim", "whole");
      host.write("/good.db", snapshot());
      mkdirSync(host.path("/theirs"));
      chownSync(host.path("/theirs"), 12345, 12345);
      symlinkSync(host.path("/srv"), host.path("/theirs/backups"));
      const set = `BACKUP_DIR='${host.path("/theirs/backups")}' state='- 77 1 2 3.6.14 20480 9 -'
know_etcd() { :; }; look_for_tools() { :; }; snapshot_status() { echo '{"revision":7}'; }
exec 9>'${host.path("/lock")}'`;
      return { host, set };
    }
    const OPEN = "/theirs can be changed by users other than root";

    testAsRoot("go nowhere if another user could put a link in the place of their directory", () => {
      const { host, set } = hostOfThief();
      chmodSync(host.path("/srv"), 0o755);
      expect(host.backup(`${set}; has_backup_place || echo "$reason"`).lines).toEqual([OPEN]);
      expect(lstatSync(host.path("/srv")).mode & 0o777).toBe(0o755);
    });

    testAsRoot("nor does what is verified by hand", () => {
      const { host, set } = hostOfThief();
      symlinkSync(host.path("/srv/victim"), host.path("/srv/.a.part"));
      expect(host.backup(`${set}; verify_by_hand '${host.path("/good.db")}'`).lines).toEqual([
        `a on host-a: backup refused: verify: ${OPEN}; to do: correct that, or verify it on another host`,
      ]);
      expect(host.read("/srv/victim")).toBe("whole");
      // The directory is root's again, and the link is still there.
      chownSync(host.path("/theirs"), 0, 0);
      expect(host.backup(`${set}; verify_by_hand '${host.path("/good.db")}'`).lines).toEqual([
        expect.stringContaining("/good.db is good"),
      ]);
      expect(host.read("/srv/victim")).toBe("whole");
    });

    testAsRoot("are not deleted where another user could put a link", () => {
      const { host, set } = hostOfThief();
      host.write("/srv/.a.part.name", `${host.path("/srv/victim")}\n`);
      host.backup(`${set}; drop_unfinished_snapshot "$BACKUP_DIR/.a.part"`);
      expect(host.list("/srv")).toEqual([".a.part.name", "victim"]);
    });

    test("are all that is deleted, whatever somebody has left there while the directory was open", () => {
      const host = hostWith();
      host.write("/srv/victim", "whole");
      host.write("/backups/.a.part.name", `${host.path("/srv/victim")}\n`);
      host.backup(`drop_unfinished_snapshot '${host.path("/backups/.a.part")}'`);
      expect(host.read("/srv/victim")).toBe("whole");
      expect(host.list("/backups")).toEqual([]);
    });

    test("that are too old make room for the next one, if there is too little", () => {
      const host = hostWith();
      const times = [1, 2, 3].map((n) => [stamp(n), n * HOUR, "4d"] as [string, number, string]);
      const set = `${directoryWith(host, times)} now=${365 * DAY}; private_directory() { :; }; untrusted() { :; }`;
      const room = (mb: string) =>
        host.backup(`${set}; free_mb() { ${mb}; }; has_backup_place || echo "$reason"`).lines;
      expect(room("echo 512")).toEqual([]);
      expect(host.list("/backups")).toHaveLength(6);
      expect(room('[ -e "$BACKUP_DIR/a-20261122T100000Z.db" ] && echo 511 || echo 512')).toEqual([]);
      expect(host.list("/backups")).toEqual([`a-${stamp(3)}.db`, `a-${stamp(3)}.db.json`]);
      expect(room("echo 511")).toEqual(["/backups has 511 MB free, and 512 MB are needed"]);
      expect(host.list("/backups")).toHaveLength(2);
    });

    test("do not all go if the clock is a year ahead", () => {
      const times = [1, 2, 3, 4, 5, 6].map((n) => [stamp(n), n * HOUR, "4d"] as [string, number, string]);
      const left = (options: EtcdBackupOptions) => {
        const host = hostWith(options);
        host.backup(`${directoryWith(host, times)} now=${365 * DAY}; delete_old_backups`);
        return host.list("/backups").filter((name) => name.endsWith(".db")).length;
      };
      expect(left({})).toBe(3);
      // Nor with a maximum size, unless they are larger than that: each has 100 bytes.
      expect(left({ maxBytes: 2 ** 20 })).toBe(3);
    });

    test("the newest is not one from the future, unless there is no other", () => {
      const host = hostWith();
      const future = Math.floor(Date.now() / 1000) + DAY;
      expect(host.backup(`${directoryWith(host, [[stamp(9), future, "4d"]])}; newest_backup`).lines).toEqual([
        `/backups/a-${stamp(9)}.db`,
      ]);
      expect(host.backup(`${directoryWith(host, [[stamp(1), 1000, "4d"]])}; newest_backup`).lines).toEqual([
        `/backups/a-${stamp(1)}.db`,
      ]);
    });
  });

  test("two hosts whose clocks differ by more than the interval do not take backups in turns", () => {
    const host = hostWith();
    const asked = (answers: string) =>
      host.backup(
        `etcdctl_at() { printf '%s\\n' "$record"; }
uptime_seconds() { echo 5000; }
url=x now=1000000
for record in ${answers}; do read_done; done
if is_fresh; then echo fresh; fi`,
      ).lines;
    // The first record after a start counts by the clock; one that has just come does not.
    expect(asked("'at=1 x'")).toEqual([]);
    expect(asked("'at=1 x' 'at=9999999 y'")).toEqual(["fresh"]);
  });

  test.each(["at=09 x", "at=1[$(>x)] x", "at=123456789012345678901 x", "", "1\nat=5 x"])(
    "a record of the last backup that is no time (%s) counts as none",
    (record) => {
      const host = hostWith();
      const text = `etcdctl_at() { printf '%b\n' '${record}'; }; url=x now=1000000; read_done; echo "$done_at"; is_due "$done_at"`;
      expect(host.backup(text)).toEqual({ code: 0, lines: ["0"] });
    },
  );

  test("the slot of another member counts as left behind by the uptime, not because the clock was set forward", () => {
    const looks = `
take_slot() { lease_answer="FAILURE b"; return 1; }
etcdctl_at() { :; }; log() { echo "at $up: $1"; }; uptime_seconds() { echo $up; }
url=x now=1000 up=100; take_in_slot
now=9000 up=115; take_in_slot
up=2800; take_in_slot`;
    expect(hostWith().backup(looks).lines).toEqual([
      "at 2800: the slot of FAILURE b was left behind, so it is deleted",
    ]);
  });

  describe("the command after each backup", () => {
    /** What the log says, and then what is known. */
    const run = (host: Host, text: string) => {
      for (const directory of ["/run/cdktf-etcd", "/var/lib/cdktf-etcd/a"]) host.write(`${directory}/.keep`, "");
      return host.backup(`set_status pending /b.db; now=1000; ${text}; cat "$STATUS"`);
    };
    const FAILED = " a on host-a: backup: FAILED: the command after the backup, for /b.db, try 1: ";

    test("is known to be due after a power cut, too: what is known is on the disk before it has its name", () => {
      const sync = 'sync() { if grep -q c.db "$1" && ! grep -q c.db "$STATUS"; then echo synced; fi; }';
      expect(run(hostWith(), `${sync}; set_status pending /c.db`).lines).toEqual(["synced", "pending=/c.db"]);
    });

    test("is known to be due before the cluster counts the backup, so that a kill in between leaves none without it", () => {
      const host = hostWith({ afterEach: { command: "true" } });
      const take = "take_backup() { backup=/c.db revision=7 bytes=1024 seconds=1 compared_with=; }; url=x";
      const killed = 'etcdctl_at() { case "$2 $3" in "put $DONE") kill -9 $$ ;; esac; }';
      run(host, `${take}; ${killed}; take_and_report`);
      expect(host.read("/var/lib/cdktf-etcd/a/backup-status")).toContain("pending=/c.db\n");
    });

    test("is run again later if it fails, although it leaves a process behind that holds its output open", () => {
      const host = hostWith({ afterEach: { command: "sleep 20 & echo no space there >&2; exit 3" } });
      const began = Date.now();
      const { lines } = run(host, "run_pending_command");
      expect(Date.now() - began).toBeLessThan(15_000);
      expect(lines[0]).toContain(`${FAILED}no space there`);
      expect(lines).toContain("pending_tries=1");
      expect(lines).toContain("after_each_failures=1");
      expect(host.list("/var/lib/cdktf-etcd/a")).toEqual([".keep", "backup-status"]);
    });

    test.each([
      ["not before its time", 1500, "no"],
      ["at its time", 1000, "yes"],
      [
        "at once if that is far away, because the clock was set back, perhaps while the program did not run",
        5000,
        "yes",
      ],
    ])("is run again %s", (_, at, answer) => {
      const host = hostWith({ afterEach: { command: "exit 1" } });
      const { lines } = run(host, `set_status pending_at ${at}; is_command_due && echo yes || echo no`);
      expect(lines[0]).toBe(answer);
    });

    test("is not run once the program no longer has one", () => {
      const host = hostWith();
      expect(run(host, "run_pending_command").lines).toEqual(["pending=/b.db"]);
    });

    test.each([
      ["prints nothing", "exit 7", "it printed nothing, and exited with code 7"],
      ["hangs", "echo connecting; sleep 20", "it did not end within 1 s, so it was ended; it had printed: connecting"],
    ])("says why it has failed, also if it %s", (_, command, why) => {
      const host = hostWith({ afterEach: { command, timeout: "1s" } });
      expect(run(host, "run_pending_command").lines[0]).toContain(`${FAILED}${why}`);
    });

    test("says that it hung, also if the clock was set back meanwhile", () => {
      const host = hostWith({ afterEach: { command: "sleep 20", timeout: "1s" } });
      const asked = host.path("/asked");
      const date = `date() { case $* in +%s) [ -e '${asked}' ] && echo 100 || { : >'${asked}'; echo 5000; } ;; *) command date "$@" ;; esac; }`;
      expect(run(host, `${date}; run_pending_command`).lines[0]).toContain(
        `${FAILED}it did not end within 1 s, so it was ended`,
      );
    });

    test("does not fill the disk with what it prints, and the end of that is kept", () => {
      const command = "head -c 20000000 /dev/zero; echo the end; exit 1";
      const host = hostWith({ afterEach: { command } });
      const size = `cat '${host.path("/var/lib/cdktf-etcd/a")}'/backup-command.[!p]* | wc -c`;
      const { lines } = run(host, `start_command 0; sleep 1; ${size}; end_command`);
      expect(Number(lines[0])).toBeLessThan(200_000);
      expect(lines[1]).toContain(`${FAILED}the end`);
    });

    test("holds up no backup while it hangs, and is not started twice at the same time", () => {
      const host = hostWith({ afterEach: { command: `echo started >>'${"$"}ETCD_BACKUP_FILE'; sleep 1; exit 1` } });
      const text = `
follow_command; sleep 0.2; follow_command; echo goes on
(command_pid= COMMAND_PATIENCE=0; run_pending_command 6>&-)
set_status pending /c.db pending_tries 0
sleep 1.5; follow_command`;
      const { lines } = run(host, text);
      expect(lines[0]).toBe("goes on");
      expect(lines[1]).toMatch(/ the command after the backup is being run by the backup program: see /);
      expect(lines[2]).toContain(FAILED);
      // The failure is one of the older backup.
      expect(lines).toContain("pending=/c.db");
      expect(lines).toContain("pending_tries=0");
      expect(lines).toContain("after_each_failures=1");
    });
  });

  test("a failure is counted although the disk with the backups takes no more", () => {
    const host = hostWith();
    host.write("/var/lib/cdktf-etcd/a/.keep", "");
    const { lines } = host.backup(`BACKUP_DIR=/proc/no; etcdctl_at() { :; }; now=5 url=x reason=full
report_failure; status_of failures; status_of last_failure`);
    expect(lines.slice(1)).toEqual(["1", "5"]);
  });

  test("after the clock was set back, the metrics have no success in the future, which would hide that there is none", () => {
    const host = hostWith();
    host.write("/textfile/.keep", "");
    const place = `TEXTFILE_DIR='${host.path("/textfile")}' STATUS='${host.path("/status")}'; is_trusted() { :; }`;
    const corrected = (success: number) => {
      host.backup(`${place}; set_status last_success ${success}; publish_metrics; now=1000; correct_last_success`);
      return /last_success_timestamp_seconds{.*} (\d+)/.exec(host.read("/textfile/etcd_backup_a.prom"))?.[1];
    };
    expect([corrected(87_400), corrected(1030), corrected(900)]).toEqual(["1000", "1030", "900"]);
  });

  test("the metrics have exactly this text", () => {
    const host = hostWith();
    host.write("/textfile/.keep", "");
    const place = `BACKUP_DIR='${host.path("/textfile")}' TEXTFILE_DIR='${host.path("/textfile")}' STATUS='${host.path("/status")}'`;
    expect(
      host.backup(
        `${place}; is_trusted() { :; }; set_status last_success 100 last_bytes 20512 last_seconds 2 failures 3 last_failure 90; publish_metrics`,
      ),
    ).toEqual({ code: 0, lines: [] });
    expect(
      host
        .read("/textfile/etcd_backup_a.prom")
        .split("\n")
        .filter((line) => !line.startsWith("#")),
    ).toEqual([
      'cdktf_etcd_backup_last_success_timestamp_seconds{cluster="stack/etcd",member="a"} 100',
      'cdktf_etcd_backup_last_failure_timestamp_seconds{cluster="stack/etcd",member="a"} 90',
      'cdktf_etcd_backup_failures_total{cluster="stack/etcd",member="a"} 3',
      'cdktf_etcd_backup_size_bytes{cluster="stack/etcd",member="a"} 20512',
      'cdktf_etcd_backup_duration_seconds{cluster="stack/etcd",member="a"} 2',
      'cdktf_etcd_backup_after_each_failures_total{cluster="stack/etcd",member="a"} 0',
      'cdktf_etcd_backup_after_each_pending{cluster="stack/etcd",member="a"} 0',
      "",
    ]);
  });
});
