import { EtcdDefragmentation, type EtcdDefragmentationOptions } from "../../src/settings";
import { inEachShell } from "../support/shells";

const MIB = 1024 ** 2;

inEachShell((newHost) => {
  const hostWith = (options: EtcdDefragmentationOptions = {}) =>
    newHost({ props: { defragmentation: EtcdDefragmentation.onHosts(options) } });

  /** A line of endpoint_status: a follower, or a leader, with a database of this size, of which so much is in use. */
  const status = (size: number, inUse: number, leader = false) =>
    `https://10.4.7.12:2379 77 ${leader ? 3 : 1} 3 3.6.14 ${size} 9 ${inUse} -`;

  describe("whether it is worthwhile", () => {
    const worthwhile = (size: number, inUse: number, options: EtcdDefragmentationOptions = {}) =>
      hostWith(options).defragmentation(
        `running_quota() { echo ${2048 * MIB}; }\necho '${status(size, inUse)}' | worthwhile | grep -q . && echo yes || echo no`,
      ).lines[0];

    test.each([
      ["most of a small file is free", 50 * MIB, 1 * MIB, "no"],
      ["a large file has less than 45 % free", 1000 * MIB, 600 * MIB, "no"],
      ["100 MiB and 45 % are free", 200 * MIB, 100 * MIB, "yes"],
      ["the file is larger than an awk integer, and all of it is used", 8192 * MIB - 1, 8191 * MIB, "no"],
      ["the file is near the quota, and a tenth is free", 1700 * MIB, 1500 * MIB, "yes"],
      ["the file is near the quota, and less than a tenth is free", 1700 * MIB, 1600 * MIB, "no"],
    ])("%s", (_, size, inUse, answer) => {
      expect(worthwhile(size, inUse)).toBe(answer);
    });

    test("the limits are the program's", () => {
      expect(worthwhile(3 * MIB, 2 * MIB, { minFreeBytes: MIB, minFreePercent: 33 })).toBe("yes");
      expect(worthwhile(3 * MIB, 2 * MIB, { minFreeBytes: MIB, minFreePercent: 34 })).toBe("no");
    });

    test("a member that does not say how much is in use is left alone", () => {
      const line = "https://10.4.7.12:2379 77 1 3 3.3.27 900000000 9 - -";
      const host = hostWith();
      expect(host.defragmentation(`running_quota() { echo 1000; }\necho '${line}' | worthwhile`).lines).toEqual([]);
    });
  });

  test.each([
    ["01:00-04:30", ["00:59", "01:00", "04:29", "04:30"], ["no", "yes", "yes", "no"]],
    ["23:00-02:00", ["22:59", "23:00", "00:00", "01:59", "02:00"], ["no", "yes", "yes", "yes", "no"]],
    [undefined, ["12:00"], ["yes"]],
  ])("the window %s", (window, times, answers) => {
    const text = times.map((time) => `is_in_window ${time} && echo yes || echo no`).join("\n");
    expect(hostWith({ window }).defragmentation(text).lines).toEqual(answers);
  });

  describe("the leader", () => {
    const others = (...inUse: number[]) =>
      `endpoint_status() { printf '%s\\n' ${inUse.map((mib) => `'${status(400 * MIB, mib * MIB)}'`).join(" ")}; }\n`;
    const isLast = (leader: boolean, inUse: number[], since = "''") =>
      hostWith().defragmentation(
        `running_quota() { echo ${2048 * MIB}; }\n${others(...inUse)}endpoints_of_all=all url=x leader_since=${since} now=9000\n` +
          `is_follower() { ! ${leader}; }\nis_leader_last && echo yes || echo "$reason"`,
      ).lines[0];

    test("waits until no other member has anything to do", () => {
      expect(isLast(true, [390, 100])).toBe("this member is the leader, and https://10.4.7.12:2379 comes first");
      expect(isLast(true, [390, 380])).toBe("yes");
    });

    test("waits for an hour at most, for another member may be unable to do it", () => {
      expect(isLast(true, [390, 100], "5401")).toMatch(/comes first$/);
      expect(isLast(true, [390, 100], "5400")).toBe("yes");
    });

    test("a follower does not wait for the leader", () => {
      expect(isLast(false, [100, 100])).toBe("yes");
    });
  });

  describe("is not begun", () => {
    const voter = (n: number) => `8d ${`etcd-server-7-${n}`} https://10.4.7.${n}:2380 https://10.4.7.${n}:2379 voter`;
    /** The reason, for a cluster with these members and alarms. */
    const reason = (members: readonly string[], { alarms = "", unhealthy = "", free = 9000 } = {}) =>
      hostWith().defragmentation(
        `members_of() { printf '%s\\n' ${members.map((member) => `'${member}'`).join(" ")}; }\n` +
          `alarms() { echo '${alarms}'; }\nunhealthy() { grep -e '${unhealthy || "nobody"}' || true; }\n` +
          `df() { printf ' Avail Inodes IFree\\n${free}M 9 9\\n'; }\n` +
          `url=https://10.4.7.12:2379 state='${status(400 * MIB, 100 * MIB)}'\nmay_defragment && echo yes || echo "$reason"`,
      ).lines[0];
    const three = [12, 21, 22].map(voter);

    test("while everything is well, it is", () => {
      expect(reason(three)).toBe("yes");
    });

    test("while a member is not healthy", () => {
      expect(reason(three, { unhealthy: "7-21" })).toBe("not healthy: etcd-server-7-21 (https://10.4.7.21:2380)");
    });

    test("while a member joins", () => {
      expect(reason([...three, voter(23).replace("voter", "learner")])).toBe(
        "etcd-server-7-23 (https://10.4.7.23:2380) has not joined yet",
      );
    });

    test("while an alarm is raised", () => {
      expect(reason(three, { alarms: "memberID:1 alarm:NOSPACE" })).toBe(
        "an alarm is raised: NOSPACE of the member 1; see docs/alarms.md",
      );
    });

    test("if the disk has no room for a second file", () => {
      expect(reason(three, { free: 300 })).toMatch(/^the disk of .* has 300 MB free, and 356 MB are needed$/);
    });
  });

  test("while a deploy works on the member, or a backup is taken, it is not begun, and no lock is kept", () => {
    const run = hostWith().defragmentation(`
mkdir -p "$(dirname "$LOCK")"
has_turn() { :; }; end_turn() { :; }; may_defragment() { :; }; give_leadership_away() { :; }
url=x
for lock in "$LOCK" "$BACKUP_LOCK"; do
  (exec 6>>"$lock" && flock 6 && sleep 2) &
  while flock -n "$lock" true; do sleep 0.05; done
  take_both_locks || echo "$reason"
  wait
done
flock -n "$LOCK" true && echo free
take_both_locks && cut -d" " -f2- "$LOCK"
flock -n "$LOCK" true && echo free || echo taken
release
flock -n "$LOCK" true && echo free`);
    expect(run.lines).toEqual([
      "a deploy, or another defragmentation, is working on this member",
      "a backup is being taken on this host",
      "free",
      "its defragmentation",
      "taken",
      "free",
    ]);
  });

  test("if something has happened to the cluster before the turn was obtained, everything is given back", () => {
    const run = hostWith().defragmentation(`
mkdir -p "$(dirname "$LOCK")"
has_turn() { :; }; end_turn() { echo "gave the turn back"; }
may_defragment() { reason="not healthy: b"; return 1; }
url=x
take_both_locks || echo "$reason"
flock -n "$LOCK" true && echo free; flock -n "$BACKUP_LOCK" true && echo free`);
    expect(run.lines).toEqual(["gave the turn back", "not healthy: b", "free", "free"]);
  });

  test("the turn of one that was killed is given back, but not before etcd answers, nor while somebody works on the member", () => {
    const run = hostWith().defragmentation(`
mkdir -p "$STATE_DIR" "$(dirname "$LOCK")"
know_etcd() { :; }; look_for_tools() { :; }; own_state() { url=x; }; accepts_connections() { :; }
own_url() { echo x; }; other_endpoints() { :; }
etcdctl_at() { shift; echo "$*" >&3; }
echo 7 >"$TURN_LEASE"
exec 3>&1
is_healthy() { return 1; }
give_old_turn_back; [ ! -s "$TURN_LEASE" ] || echo "kept: etcd does not answer"
is_healthy() { :; }
(exec 6>>"$LOCK" && flock 6 && sleep 2) &
while flock -n "$LOCK" true; do sleep 0.05; done
give_old_turn_back; [ ! -s "$TURN_LEASE" ] || echo "kept: a deploy works"
wait
give_old_turn_back; [ -s "$TURN_LEASE" ] || echo "given back"
flock -n "$LOCK" true && echo free`);
    expect(run.lines).toEqual([
      "kept: etcd does not answer",
      "kept: a deploy works",
      "lease revoke 7",
      "given back",
      "free",
    ]);
  });

  describe("a leader", () => {
    const giving = (text: string) =>
      hostWith()
        .defragmentation(
          `moved=; etcdctl_at() { shift; echo "$*" >&3; moved=yes; }\nis_follower() { [ -n "$moved" ]; }\nurl=x; ${text} give_leadership_away 3>&1 && echo yes || echo "$reason"`,
        )
        .lines.map((line) => line.replace(/^\S+Z /, ""));
    const OTHERS = "other_voters='8d b https://10.4.7.21:2380 https://10.4.7.21:2379 voter';";

    test("hands leadership over first, because only a leader renews leases", () => {
      expect(giving(OTHERS)).toEqual([
        "move-leader 8d",
        "a on host-a: defragmentation: moved leadership to member 8d",
        "yes",
      ]);
    });

    test("stays leader if there is no other voter; a follower has nothing to hand over", () => {
      expect(giving("other_voters='';")).toEqual(["yes"]);
      expect(giving(`is_follower() { :; }; ${OTHERS}`)).toEqual(["yes"]);
    });

    test("is not defragmented if it cannot hand leadership over", () => {
      expect(giving(`is_follower() { return 1; }; wait_until() { return 1; }; ${OTHERS}`)).toEqual([
        "move-leader 8d",
        "this member is the leader, or does not say who is, and cannot hand leadership over",
      ]);
    });

    test("is not taken for a follower because it does not say who leads", () => {
      const silent = "endpoint_status() { [ -n \"$moved\" ] && echo 'x 77 1 2'; }\n";
      const real = `is_follower() { [ "$(endpoint_status x | awk '{ print $3 "" != $4 "" && $4 != "-" }')" = 1 ]; }\n`;
      expect(giving(`${silent}${real}${OTHERS}`)[0]).toBe("move-leader 8d");
    });
  });

  describe("the result", () => {
    const result = (etcdctl: string, before = status(400 * MIB, 100 * MIB)) => {
      const host = hostWith();
      const run = host.defragmentation(
        `etcdctl_at() { shift; case "$*" in *defrag) ${etcdctl} ;; put*) echo "$1 $2 \${3%% *} \${3#* }" ;; esac; }\n` +
          `answers_healthy() { :; }\nend_turn() { :; }\nrelease() { :; }\nrecord_defragmentation() { echo "$1" | sed 's/^at=[0-9]* //;s/seconds=.*/seconds=/'; }\n` +
          `endpoint_status() { echo '${status(120 * MIB, 100 * MIB)}'; }\nmkdir -p "$STATE_DIR"\n` +
          `now=5 url=x said_reason= state='${before}'\ndefragment; echo "code $?"`,
      );
      return run.lines.map((line) => line.replace(/^\S+Z /, ""));
    };

    test("of a success has the sizes", () => {
      expect(result(":")).toEqual([
        expect.stringMatching(
          /^a on host-a: defragmentation: the database had 419430400 bytes and has 125829120 bytes; it took \d+ s$/,
        ),
        "before=419430400 after=125829120 seconds=",
        "code 0",
      ]);
    });

    test("is reported although the member did not say its size before", () => {
      expect(result(":", "x 7 8 9 3.6.1 - 10 - -")).toEqual([
        expect.stringMatching(/: the database had 0 bytes and has 125829120 bytes; /),
        expect.stringMatching(/: that was little, so the next one is in a day/),
        "before=0 after=125829120 seconds=",
        "code 0",
      ]);
    });

    test("of a failure has etcd's reason", () => {
      expect(result("echo no space left; return 1")).toEqual([
        expect.stringMatching(/: FAILED after \d+ s: etcd did not do it: no space left$/),
        "reason=etcd did not do it: no space left",
        "code 1",
      ]);
    });
  });
});
