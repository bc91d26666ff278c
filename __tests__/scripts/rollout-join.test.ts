import { rmSync } from "node:fs";
import { type FakeCluster, type FakeMember, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { MEMBERSHIP, phase, pid, rollout, rolloutData, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const said = (text: string) => `a on host-a: rollout: ${text}`;
const ADDED = said("added to the cluster");
const NO_CLUSTER =
  "a on host-a: rollout refused: no data and no cluster: /data/etcd is empty and no other member has a quorum; to do: bring a quorum of the other members back, or restore a snapshot (docs/restore.md#before-you-start); if this cluster has never formed, see docs/lost-data.md#the-cluster-never-formed";
const CAUGHT_UP = [said("is a learner, waiting until it has caught up"), said("promoted"), said("healthy")];
const STARTED = "/var/lib/cdktf-etcd/a/started";

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

/** How a member without data, or with data that can no longer be used, joins a running cluster. */
inEachShell((newHost) => {
  const clusterHost = (version = "3.6.14") => newHost({ props: { version, ports: { client: all.port } } });

  /** A staged host without data beside a healthy cluster of `b` and `c`. */
  function newcomer(version?: string): { host: Host; cluster: FakeCluster } {
    const host = clusterHost(version);
    const cluster = stagedHost(host);
    cluster.members("b", "c");
    cluster.healthy("bc");
    cluster.status("a");
    return { host, cluster };
  }

  const mark = (host: Host) => host.write(STARTED, `${host.member.peerUrl}\n`);
  const initialCluster = (host: Host) => /^--initial-cluster=(.*)$/m.exec(host.read("/run/etcd.args"))?.[1].split(",");

  function expectJoined(host: Host, cluster: FakeCluster): void {
    expect(host.read("/run/etcd.args")).toContain("--initial-cluster-state=existing\n");
    expect(host.read("/run/etcd.args")).not.toContain("=new\n");
    expect(initialCluster(host)?.sort()).toEqual(
      host.cluster.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).sort(),
    );
    expect(cluster.memberNames().sort()).toEqual(["a", "b", "c"]);
    expect(host.read(STARTED)).toBe(`${host.member.peerUrl}\n`);
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    expect(cluster.turn()).toBeUndefined();
  }

  function expectNothingChanged(host: Host, cluster: FakeCluster): void {
    expect(cluster.changes()).toEqual([]);
    expect(cluster.turn()).toBeUndefined();
    expect(host.has("/run/etcd.args")).toBe(false);
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    expect(host.calls("supervisorctl")).toEqual([]);
  }

  describe("a member without data", () => {
    test("is refused if no cluster answers, with what to do, and nothing is changed", () => {
      const host = clusterHost();
      const cluster = stagedHost(host);
      expect(rollout(host)).toEqual({ code: 3, lines: [NO_CLUSTER] });
      expectNothingChanged(host, cluster);
      expect(host.has("/var/lib/cdktf-etcd/a")).toBe(false);
    });

    test("is not sent for a backup if the others run, and listen for clients at their former port", () => {
      const host = newHost({ props: { ports: { client: 1, peer: all.port } } });
      const cluster = stagedHost(host);
      expect(rollout(host).lines).toEqual([
        `a on host-a: rollout refused: join: this member must join, and another one runs (https://127.0.0.2:${all.port}) that does not listen at https://127.0.0.2:1: ports.client changes in the same deploy; to do: set ports.client back, apply, and change it after that`,
      ]);
      expectNothingChanged(host, cluster);
    });

    test("is refused if its entry in the cluster is healthy, because the member then runs on another host", () => {
      const { host, cluster } = newcomer();
      cluster.members("a", "b", "c");
      cluster.healthy("abc");
      expect(rollout(host).lines).toEqual([
        `a on host-a: rollout refused: join: a (https://127.0.0.1:2380) is healthy, but no etcd runs on this host: the member runs on another host; to do: correct its ssh.host or address, and apply again`,
      ]);
      expectNothingChanged(host, cluster);
    });

    test("is refused for the same reason if that entry was without a leader for a moment", () => {
      const { host, cluster } = newcomer();
      cluster.members("a", "b", "c");
      cluster.healthy("abc");
      host.write(STARTED, `${host.member.peerUrl}\n`);
      cluster.on(
        "endpoint health",
        `case $endpoints in
  '${host.member.clientUrl}') echo >>"$state/asked"; [ "$(grep -c '' "$state/asked")" -gt 2 ] || fail "$endpoints is unhealthy" ;;
esac`,
      );
      expect(rollout(host).lines.at(-1)).toContain("is healthy, but no etcd runs on this host");
      expectNothingChanged(host, cluster);
    });

    test("gets a data directory that etcd's user can write to if there is none", () => {
      const { host, cluster } = newcomer();
      cluster.on("member add", `stat -c '%a %U' '${host.path("/data/etcd")}' >'${host.path("/seen")}'`);
      rollout(host);
      expect(host.read("/seen")).toBe(`700 ${host.cluster.user}\n`);
    });

    test("joins, as a learner, a cluster that does not know it, and is promoted when it has caught up", () => {
      const { host, cluster } = newcomer();
      expect(rollout(host)).toEqual({ code: 0, lines: [ADDED, ...CAUGHT_UP] });
      expect(cluster.changes()).toEqual(["b member add a --learner", "b member promote 101"]);
      // A learner that has just started may leave that question unanswered for 5 s.
      const calls = cluster.calls();
      const joining = calls.slice(calls.indexOf("b member add a --learner"), calls.indexOf("b member promote 101"));
      expect(joining.filter((call) => call.endsWith("endpoint health") && call.startsWith("a"))).toEqual([]);
      expectJoined(host, cluster);
    });

    test("joins as a voter with etcd up to 3.3, which has no learners", () => {
      const { host, cluster } = newcomer("3.3.27");
      expect(rollout(host)).toEqual({ code: 0, lines: [ADDED, said("healthy")] });
      expect(cluster.changes()).toEqual(["b member add a"]);
      expectJoined(host, cluster);
    });

    test("without a started mark continues with an unstarted entry, which a killed join left, and adds no other", () => {
      const { host, cluster } = newcomer();
      cluster.members(["9", "unstarted", "a", { learner: true }], "b", "c");
      expect(rollout(host)).toEqual({ code: 0, lines: CAUGHT_UP });
      expect(cluster.changes()).toEqual(["b member promote 9"]);
      expectJoined(host, cluster);
    });

    test("with a started mark replaces an unstarted entry, because that entry is not from its earlier life", () => {
      const { host, cluster } = newcomer();
      cluster.members(["9", "unstarted", "a", { learner: true }], "b", "c");
      mark(host);
      expect(rollout(host)).toEqual({
        code: 0,
        lines: [
          said("its data are gone: removing the member, then joining it again"),
          said("removed a (https://127.0.0.1:2380) from the cluster"),
          ADDED,
          ...CAUGHT_UP,
        ],
      });
      expectJoined(host, cluster);
    });

    test("with the mark of a life at another address records its new one, so that later deploys know its data", () => {
      const { host, cluster } = newcomer();
      host.write(STARTED, "https://10.4.7.99:2380\n");
      expect(rollout(host)).toEqual({ code: 0, lines: [ADDED, ...CAUGHT_UP] });
      expectJoined(host, cluster);
      expect(host.call("check_data").lines).toEqual([]);
    });

    test("starts where the data of another member were moved away and their mark was left", () => {
      const { host, cluster } = newcomer();
      host.write("/data/etcd/.cdktf-etcd", "member=b\npeer_url=https://10.4.7.99:2380\n");
      expect(rollout(host)).toEqual({ code: 0, lines: [ADDED, ...CAUGHT_UP] });
      expectJoined(host, cluster);
      expect(host.read("/data/etcd/.cdktf-etcd")).toBe(`member=a\npeer_url=${host.member.peerUrl}\n`);
    });

    test("is refused while another member is down, before its etcd, which may still vote, is stopped and the rest of its data is moved", () => {
      const { host, cluster } = newcomer();
      cluster.members("a", "b", "c");
      cluster.unhealthy("c");
      mark(host);
      host.write("/data/etcd/member/snap/db", "");
      host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"');
      expect(rollout(host).lines).toEqual([
        "a on host-a: rollout refused: join: c (https://127.0.0.3:2380) is not healthy, and a member is added only while all others are; to do: bring it back, or remove it from the program, and apply again",
      ]);
      expect(host.has("/data/etcd/member/snap/db")).toBe(true);
      expect(host.calls("supervisorctl")).toEqual([]);
      expect(cluster.changes()).toEqual([]);
    });

    test("takes a snapshot first if its version is newer than the cluster's, as before any upgrade", () => {
      const { host, cluster } = newcomer("3.6.14");
      cluster.status("b", { version: "3.5.33" });
      cluster.status("c", { version: "3.5.33" });
      // The turn would expire while the snapshot of a large database is taken.
      cluster.on("snapshot save", `[ ! -e "$state/turn" ] || fail "the turn is held"`);
      expect(rollout(host).lines[0]).toBe(
        said(
          "saved a verified snapshot to /var/lib/cdktf-etcd/a/snapshots/3.5.33-before-3.6.14.db (fe01cf57, 10, 7, 2.1 MB)",
        ),
      );
      expect(cluster.memberNames().sort()).toEqual(["a", "b", "c"]);
    });

    describe.each(["does not know it", "has seen it started"])("in a cluster that %s", (knows) => {
      const withLearner = (learner: FakeMember) => {
        const { host, cluster } = newcomer();
        const others: FakeMember[] = [["2", "started", "b"], ["3", "started", "c"], learner];
        cluster.members(...(knows === "does not know it" ? others : [["1", "started", "a"] as const, ...others]));
        return { host, cluster };
      };

      test.each(["unstarted", "started"] as const)(
        "is refused while somebody else is adding a learner (%s), and nothing is changed",
        (state) => {
          const { host, cluster } = withLearner(["4", state, "d", { learner: true }]);
          const name = state === "started" ? "d (https://127.0.0.4:2380)" : "https://127.0.0.4:2380";
          expect(rollout(host)).toEqual({
            code: 3,
            lines: [
              `a on host-a: rollout refused: join: the cluster has ${name}, which somebody else is adding: the program has never named it; to do: let them finish, or remove it yourself ('. /opt/etcd/etcdctl.env; etcdctl member remove 4'), and apply again`,
            ],
          });
          expect(cluster.changes()).toEqual([]);
        },
      );

      test("first removes a member that an interrupted deploy was adding and that has since left the program", () => {
        const { host, cluster } = withLearner(["4", "unstarted", "d", { learner: true }]);
        cluster.began("d");
        cluster.on(
          "member promote 4",
          `fail "etcdserver: can only promote a learner member which is in sync with leader"`,
        );
        expect(rollout(host).code).toBe(0);
        expect(cluster.changes()).toContain("b member remove 4");
        expect(cluster.memberNames()).not.toContain("d unstarted learner");
      });
    });

    test.each([true, false])(
      "is replaced in a cluster that has seen it started, because its data are lost (started mark: %s)",
      (marked) => {
        const { host, cluster } = newcomer();
        cluster.members("a", "b", "c");
        if (marked) mark(host);
        expect(rollout(host)).toEqual({
          code: 0,
          lines: [
            said("its data are gone: removing the member, then joining it again"),
            said("removed a (https://127.0.0.1:2380) from the cluster"),
            ADDED,
            ...CAUGHT_UP,
          ],
        });
        expect(cluster.changes()).toEqual(["b member remove 1", "b member add a --learner", "b member promote 101"]);
        expectJoined(host, cluster);
      },
    );

    test("whose etcd still runs on deleted data hands leadership over before it is removed", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.healthy("a", { leader: 1 });
      rmSync(host.path("/data/etcd/member"), { recursive: true });
      host.call("take_lock; start_etcd() { exit; }; join_cluster");
      expect(cluster.changes().slice(0, 3)).toEqual([
        "a move-leader 3",
        "b member remove 1",
        "b member add a --learner",
      ]);
    });

    test("is refused while a member is down that no deploy removes, with the command that removes it", () => {
      const { host, cluster } = newcomer();
      cluster.members("b", "c", "d");
      cluster.unhealthy("d");
      const run = phase(host, "rollout", { ...rolloutData(host), FOUNDING_MEMBERSHIP: MEMBERSHIP });
      expect(run.lines).toEqual([
        "a on host-a: rollout refused: join: d (https://127.0.0.4:2380) is not healthy, and a member is added only while all others are; to do: bring it back; or, if it is gone for good, run '. /opt/etcd/etcdctl.env; etcdctl member remove 4', because the program does not name it and no deploy removes it; then apply again",
      ]);
      expectNothingChanged(host, cluster);
    });

    test.each([
      ["does not know it", ["b", "c", "d"]],
      ["has seen it started", ["a", "b", "c", "d"]],
    ])("is refused in a cluster that %s while another member is not healthy, and nothing is changed", (_, members) => {
      const host = newHost({
        props: {
          ports: { client: all.port },
          members: ["a", "b", "c", "d"].map((name, i) => ({
            name,
            address: `127.0.0.${i + 1}`,
            hostName: `host-${name}`,
          })),
        },
      });
      const cluster = stagedHost(host);
      cluster.members(...members);
      cluster.healthy("bc");
      expect(rollout(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: join: d (https://127.0.0.4:2380) is not healthy, and a member is added only while all others are; to do: bring it back, or remove it from the program, and apply again",
        ],
      });
      expectNothingChanged(host, cluster);
      expect(cluster.memberNames()).toEqual(members);
    });

    test("joins after the leftovers of a first start that was killed have been moved aside", () => {
      const { host, cluster } = newcomer();
      host.write("/data/etcd/member/snap/db.tmp", "half");
      const run = rollout(host);
      expect(run.lines[0]).toMatch(
        /rollout: moved the contents of \/data\/etcd to \/data\/etcd\.aside-\w+; delete them when you no longer need them$/,
      );
      expect(run.lines.slice(1)).toEqual([ADDED, ...CAUGHT_UP]);
      expectJoined(host, cluster);
    });

    test("tries again if the cluster refuses to add it for the moment, and prints etcd's error if it is never added", () => {
      const { host, cluster } = newcomer();
      cluster.on("member add", `[ -e "$state/once" ] || { : >"$state/once"; fail "etcdserver: unhealthy cluster"; }`);
      expect(rollout(host).code).toBe(0);

      const other = newcomer();
      other.cluster.on("member add", `fail "etcdserver: too many learner members in cluster"`);
      expect(rollout(other.host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: etcd does not add this member: Error: etcdserver: too many learner members in cluster; to do: see the log of the leader ('. /opt/etcd/etcdctl.env; etcdctl endpoint status -w table' shows which that is), and apply again",
        ],
      });
      expect(other.cluster.turn()).toBeUndefined();
    });

    test("is refused before anything is changed if there is no space for the cluster's database", () => {
      const { host, cluster } = newcomer();
      cluster.on(
        "endpoint status -w json",
        `echo '[{"Endpoint":"'"$endpoints"'","Status":{"header":{"cluster_id":77,"member_id":2},"version":"3.6.14","dbSize":629145600,"leader":2,"raftIndex":9}}]'; exit`,
      );
      host.stub("df", "printf ' Avail Inodes IFree\\n855M 9999 9999\\n'");
      expect(rollout(host).lines).toEqual([
        "a on host-a: rollout refused: join: 855 MB free for /data/etcd, 856 MB are needed: the whole database is copied to it; to do: make room, and apply again",
      ]);
      expect(cluster.changes()).toEqual([]);
      expect(host.call("check_disk").lines).toEqual([
        "a on host-a: test refused: free disk: 855 MB free for /data/etcd, 856 MB are needed; to do: make room, or set paths.dataDir",
      ]);
    });

    test("does not fail if etcd's answer is lost after the member was added", () => {
      const { host, cluster } = newcomer();
      cluster.on(
        "member add",
        `echo "101, unstarted, , $peer, , true" >>"$state/members"; fail "context deadline exceeded"`,
      );
      expect(rollout(host)).toEqual({ code: 0, lines: [ADDED, ...CAUGHT_UP] });
      expectJoined(host, cluster);
    });

    test("does not join if the member list gets no answer, because an old entry that was not seen would be started without its data", () => {
      const { host, cluster } = newcomer();
      cluster.members("a", "b", "c");
      cluster.on("member list", '[ ! -e "$state/turn" ] || fail "etcdserver: no leader"');
      cluster.on("member add", 'fail "etcdserver: Peer URLs already exists"');
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          `a on host-a: rollout failed: member list: no answer from https://127.0.0.2:${all.port}: Error: etcdserver: no leader; to do: bring a quorum of the members back, and apply again`,
        ],
      });
      expectNothingChanged(host, cluster);
    });

    test("fails with etcd's last log message if etcd writes no data, and the next run continues with the same entry", () => {
      const { host, cluster } = newcomer();
      host.write("/run/stuck", "a fatal thing happened\n");
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          ADDED,
          "a on host-a: rollout failed: etcd wrote no data: a fatal thing happened; to do: see /data/logs/etcd.log, correct the cause, and apply again",
        ],
      });
      expect(host.has(STARTED)).toBe(false);
      rmSync(host.path("/run/stuck"));
      host.call("supervisorctl stop a");
      expect(rollout(host)).toEqual({ code: 0, lines: CAUGHT_UP });
      expectJoined(host, cluster);
    });
  });

  describe("a learner", () => {
    test("that has not caught up yet is waited for", () => {
      const { host, cluster } = newcomer();
      cluster.on(
        "member promote",
        `[ -e "$state/once" ] || { : >"$state/once"; fail "etcdserver: can only promote a learner member which is in sync with leader"; }`,
      );
      expect(rollout(host)).toEqual({ code: 0, lines: [ADDED, ...CAUGHT_UP] });
      expect(cluster.changes().slice(1)).toEqual(["b member promote 101", "b member promote 101"]);
    });

    test("that never catches up fails with etcd's error, gives back the turn, and is promoted by the next run", () => {
      const { host, cluster } = newcomer();
      cluster.on("member promote", `fail "etcdserver: can only promote a learner member which is in sync with leader"`);
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          ADDED,
          CAUGHT_UP[0],
          "a on host-a: rollout failed: not promoted after 1500 s: Error: etcdserver: can only promote a learner member which is in sync with leader; to do: see /data/logs/etcd.log, and apply again",
        ],
      });
      expect(cluster.turn()).toBeUndefined();
      cluster.off("member promote");
      const before = pid(host);
      expect(rollout(host)).toEqual({ code: 0, lines: CAUGHT_UP });
      expect(pid(host)).toBe(before);
      expectJoined(host, cluster);
    });

    test("that supervisor started while the removed etcd was still ending is promoted, and neither waited for nor restarted", () => {
      const { host, cluster } = newcomer();
      cluster.on("member promote", `fail "etcdserver: can only promote a learner member which is in sync with leader"`);
      expect(rollout(host).code).toBe(1);
      cluster.off("member promote");
      host.write("/var/lib/cdktf-etcd/a/restart-pending", "process 1\n");
      const before = pid(host);
      expect(rollout(host)).toEqual({ code: 0, lines: CAUGHT_UP });
      expect(pid(host)).toBe(before);
      expectJoined(host, cluster);
    });
  });

  /** A host on which a rollout has recorded the IDs of the member and its cluster, and whose etcd was stopped since. */
  function stoppedAfterHealth(): { host: Host; cluster: FakeCluster } {
    const host = clusterHost();
    const cluster = runningHost(host);
    expect(rollout(host).code).toBe(0);
    host.call("supervisorctl stop a");
    cluster.unhealthy("a");
    return { host, cluster };
  }

  test("the data of a member that was removed and added again by hand have another ID and are moved aside", () => {
    const { host, cluster } = stoppedAfterHealth();
    expect(host.call("! was_removed_from_cluster").code).toBe(0);
    cluster.members(["9", "unstarted", "a"], "b", "c");
    expect(rollout(host).lines.slice(0, 2)).toEqual([
      expect.stringContaining("moved the contents of /data/etcd to "),
      said("its data are gone: removing the member, then joining it again"),
    ]);
    expect(cluster.memberNames().sort()).toEqual(["a", "b", "c"]);
  });

  test("the data of a cluster other than the running one are not moved aside, because they may be all that is left of it", () => {
    const { host, cluster } = stoppedAfterHealth();
    for (const name of ["b", "c"]) cluster.status(name, { cluster: 78 });
    cluster.members(["9", "unstarted", "a"], "b", "c");
    expect(host.call("was_removed_from_cluster").code).toBe(1);
    cluster.members("b", "c");
    expect(host.call("was_removed_from_cluster").code).toBe(1);
    // Nor are they started: two such members could be a quorum of the other cluster.
    expect(rollout(host)).toEqual({
      code: 3,
      lines: [
        expect.stringMatching(
          /^a on host-a: rollout refused: data directory: \/data\/etcd holds data of the cluster 4d, and the cluster that lives \(https:\/\/127\.0\.0\.2:\d+\) is 4e: etcd would go on here as a member of the other one; to do: if that cluster is given up, as after a restore, run supervisorctl stop a, move what is in \/data\/etcd away, and apply again: this member then joins the one that lives$/,
        ),
      ],
    });
    expect(pid(host)).toBe("");
  });

  describe("the data of a member that the cluster has removed", () => {
    const leftOut = () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      host.write("/data/etcd/member/wal/0.wal", "of the life before");
      cluster.members("b", "c");
      cluster.unhealthy("a");
      return { host, cluster };
    };

    test.each(["runs", "is stopped"])(
      "are moved aside, never deleted, and the member joins again (its etcd %s)",
      (state) => {
        const { host, cluster } = leftOut();
        if (state === "is stopped") host.call("supervisorctl stop a");
        const run = rollout(host);
        expect(run.lines[0]).toMatch(/moved the contents of \/data\/etcd to \/data\/etcd\.aside-\d{8}T\d{6}Z;/);
        expect(run.lines.slice(1)).toEqual([ADDED, ...CAUGHT_UP]);
        const [, aside] = host.list("/data");
        expect(host.read(`/data/${aside}/member/wal/0.wal`)).toBe("of the life before");
        expectJoined(host, cluster);
      },
    );

    test("are left where they are and named if they cannot be moved", () => {
      const { host, cluster } = leftOut();
      host.stub(
        "mv",
        `case "$*" in *aside-*) echo "mv: cannot move: Device or resource busy"; exit 1 ;; *) exec '${host.path("/bin/mv")}' "$@" ;; esac`,
      );
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: the contents of /data/etcd cannot be moved aside: mv: cannot move: Device or resource busy; to do: move them away by hand, and apply again",
        ],
      });
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("of the life before");
      expect(cluster.changes()).toEqual([]);
    });

    test("are not touched while the cluster does not answer, because it is unknown then who was removed", () => {
      const { host, cluster } = leftOut();
      cluster.unhealthy("bc");
      expect(rollout(host).code).toBe(1);
      expect(host.list("/data")).toEqual(["etcd", "logs"]);
      expect(cluster.changes()).toEqual([]);
    });

    test("are not touched while members of two clusters answer, because it is unknown then which cluster is the right one", () => {
      const { host, cluster } = leftOut();
      host.call("supervisorctl stop a");
      cluster.members("b");
      cluster.healthy("b", { cluster: 78 });
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          `a on host-a: rollout failed: the members belong to 2 clusters: https://127.0.0.2:${all.port} in 4e, https://127.0.0.3:${all.port} in 4d; to do: see docs/lost-data.md#the-members-are-of-two-clusters`,
        ],
      });
      expect(host.list("/data")).toEqual(["etcd", "logs"]);
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("of the life before");
      expect(cluster.changes()).toEqual([]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("are not touched if the member list gets no answer", () => {
      const { host, cluster } = leftOut();
      cluster.on("member list", 'fail "etcdserver: no leader"');
      expect(rollout(host).code).toBe(1);
      expect(host.list("/data")).toEqual(["etcd", "logs"]);
      expect(cluster.changes()).toEqual([]);
    });
  });

  test("two directories that are moved aside within the same second do not collide", () => {
    const host = clusterHost();
    stagedHost(host);
    for (const text of ["one", "two"]) {
      host.write("/data/etcd/file", text);
      const run = host.call("set_aside");
      if (run.code !== 0) expect(run.lines.join()).toContain("cannot be moved aside");
    }
    const texts = host
      .list("/data")
      .filter((name) => name !== "logs")
      .map((name) => (host.has(`/data/${name}/file`) ? host.read(`/data/${name}/file`) : ""));
    expect(texts.filter(Boolean).sort()).toEqual(["one", "two"]);
  });
});
