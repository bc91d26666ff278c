import { EtcdBackups, EtcdDefragmentation } from "../../src/settings";
import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { HEALTH, phase, pid, rollout, rolloutData, hostInCluster } from "../support/phases";
import { inEachShell } from "../support/shells";

const took = (name: string, address: string, phase = "health") =>
  `a on host-a: ${phase}: removed ${name} (https://${address}:2380) from the cluster`;
const leftovers = (name: string) =>
  `its etcd did not answer; if its host does not answer either, nothing is cleaned up there, and its etcd refuses to run; to clean up there: supervisorctl stop ${name}, remove its supervisor file, /data/etcd, /opt/etcd and what it points to`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5");
});
afterAll(() => all.close());

/**
 * How members that the program no longer names leave the cluster: a rollout removes the dead ones first, and health
 * removes the healthy ones last.
 */
inEachShell((newHost) => {
  /** The host of `a`. The cluster has these members (dead ones in capitals), and the program has `a`, `b` and `c`. */
  const clusterOf = (letters: string) => hostInCluster(newHost({ props: { ports: { client: all.port } } }), letters);
  const health = (host: Host) => phase(host, "health", HEALTH);
  const removals = (cluster: FakeCluster) => cluster.changes().filter((call) => call.includes("remove"));

  test("the first list of members in a state removes no member, dead or alive, because that state has never named them", () => {
    const { host, cluster } = clusterOf("abcdE");
    const first = { FOUNDING_MEMBERSHIP: HEALTH.MEMBERSHIP };
    expect(phase(host, "rollout", { ...rolloutData(host), ...first }).code).toBe(0);
    expect(phase(host, "health", { ...HEALTH, ...first }).lines.at(-1)).toBe(
      "a on host-a: health failed: the cluster has d (https://127.0.0.4:2380), e (https://127.0.0.5:2380), which the program does not name and has never named; to do: add it to the program, or run '. /opt/etcd/etcdctl.env; etcdctl member remove 4; etcdctl member remove 5'",
    );
    expect(removals(cluster)).toEqual([]);
  });

  describe("a rollout", () => {
    test("removes dead members before anything else", () => {
      const { host, cluster } = clusterOf("abcDE");
      expect(rollout(host)).toEqual({
        code: 0,
        lines: [
          took("d", "127.0.0.4", "rollout"),
          `a on host-a: rollout: ${leftovers("d")}`,
          took("e", "127.0.0.5", "rollout"),
          `a on host-a: rollout: ${leftovers("e")}`,
          "a on host-a: rollout: healthy",
        ],
      });
      expect(cluster.memberNames()).toEqual(["a", "b", "c"]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("removes them through another member if its own etcd does not run", () => {
      const { host, cluster } = clusterOf("abcD");
      host.call("supervisorctl stop a");
      cluster.unhealthy("a");
      cluster.on("member remove", `: >"$(file '${host.member.clientUrl}' healthy)"`);
      expect(rollout(host).lines[0]).toBe(took("d", "127.0.0.4", "rollout"));
      expect(removals(cluster)).toEqual(["b member remove 4"]);
    });

    test("removes no member that was only missing while another deploy changed it, and is back when the rollout has the turn", () => {
      const { host, cluster } = clusterOf("abcD");
      cluster.turnOf("d");
      const back = host.member.clientUrl.replace("127.0.0.1", "127.0.0.4");
      cluster.on("lease revoke", `rm -f "$state/turn"; : >"$(file '${back}' healthy)"`);
      expect(rollout(host)).toEqual({
        code: 0,
        lines: [
          "a on host-a: rollout: waiting for the turn: d (https://127.0.0.4:2380) is being changed",
          "a on host-a: rollout: healthy",
        ],
      });
      expect(removals(cluster)).toEqual([]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("removes no member that did not answer once, although it accepts connections", () => {
      const { host, cluster } = clusterOf("abcd");
      const url = host.member.clientUrl.replace("127.0.0.1", "127.0.0.4");
      cluster.unhealthy("d");
      // Before the turn is taken, at the first look after that, and not at the second.
      cluster.on("txn", `: >"$state/looks"`);
      cluster.on(
        "endpoint health",
        `[ ! -e "$state/looks" ] || case $endpoints in *${url}*) [ ! -s "$state/looks" ] || : >"$(file '${url}' healthy)"; echo >>"$state/looks" ;; esac`,
      );
      expect(rollout(host)).toEqual({ code: 0, lines: ["a on host-a: rollout: healthy"] });
      expect(removals(cluster)).toEqual([]);
    });

    test("does not remove healthy members, which help the quorum until the other members have been changed", () => {
      const { host, cluster } = clusterOf("abcde");
      expect(rollout(host)).toEqual({ code: 0, lines: ["a on host-a: rollout: healthy"] });
      expect(cluster.memberNames()).toEqual(["a", "b", "c", "d", "e"]);
      expect(cluster.changes()).toEqual([]);
    });

    test("removes no member while no cluster answers", () => {
      const { host, cluster } = clusterOf("ABCD");
      expect(rollout(host).code).toBe(1);
      expect(removals(cluster)).toEqual([]);
    });

    test("removes no member without which there would be no quorum, and names the members that do not answer", () => {
      const { host, cluster } = clusterOf("abCdeF");
      // Without f there are five members, and a, b, d and e are a quorum. With d and e dead there is no quorum.
      cluster.unhealthy("de");
      cluster.on("endpoint health", "true");
      const before = pid(host);
      const run = rollout(host);
      expect(run.code).toBe(3);
      expect(run.lines.at(-1)).toMatch(
        /^a on host-a: rollout refused: scale in: without d \(https:\/\/127\.0\.0\.4:2380\) there would be no quorum: c \(https:\/\/127\.0\.0\.3:2380\), e \(https:\/\/127\.0\.0\.5:2380\), f \(https:\/\/127\.0\.0\.6:2380\) does not answer; to do: bring it back, and apply again$/,
      );
      expect(removals(cluster)).toEqual([]);
      expect(pid(host)).toBe(before);
      expect(cluster.turn()).toBeUndefined();
    });
  });

  test.each(["rollout", "health"])("each removal of a %s has the turn, however long the one before it took", (name) => {
    const { host, cluster } = clusterOf(name === "rollout" ? "abcDE" : "abcde");
    // The lease expires while the first one is removed.
    cluster.on("member remove", `cut -d' ' -f2 "$state/turn" >>"$state/seen"; rm -f "$state/turn"`);
    expect((name === "rollout" ? rollout(host) : health(host)).code).toBe(0);
    expect(host.read("/run/cluster/seen")).toBe("a\na\n");
    expect(cluster.turn()).toBeUndefined();
  });

  describe("health", () => {
    test("removes the members that the program no longer names one after the other, before the table", () => {
      const { host, cluster } = clusterOf("abcde");
      const run = health(host);
      expect(run.code).toBe(0);
      expect(run.lines.filter((line) => /removed .* from the cluster|took over/.test(line))).toEqual([
        took("d", "127.0.0.4"),
        took("e", "127.0.0.5"),
      ]);
      expect(run.lines.at(-4)).toMatch(/^MEMBER /);
      expect(removals(cluster)).toEqual(["a member remove 4", "a member remove 5"]);
      expect(cluster.memberNames()).toEqual(["a", "b", "c"]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("removes no member if one that stays was removed by another deploy while it waited for the turn", () => {
      const { host, cluster } = clusterOf("abcd");
      cluster.turnOf("b");
      cluster.on("lease revoke", `rm -f "$state/turn"; change_members "/^3, /d"`);
      expect(health(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: health: waiting for the turn: b (https://127.0.0.2:2380) is being changed",
          "a on host-a: health refused: scale in: no member is removed before these have joined: https://127.0.0.3:2380; to do: apply again: their rollouts come first",
        ],
      });
      expect(removals(cluster)).toEqual([]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("removes the dead members first, because each healthy one still counts for the quorum", () => {
      const { host, cluster } = clusterOf("abcdE");
      expect(health(host).code).toBe(0);
      expect(removals(cluster)).toEqual(["a member remove 5", "a member remove 4"]);
    });

    test("removes a member that was added and never started, although it has no client URL", () => {
      const { host, cluster } = clusterOf("abc");
      cluster.members("a", "b", "c", ["9", "unstarted", "d", { learner: true }]);
      cluster.began("d");
      expect(health(host).code).toBe(0);
      expect(cluster.memberNames()).toEqual(["a", "b", "c"]);
      // The join is no longer recorded, so that a member which is added there later counts as somebody else's.
      expect(cluster.joins()).toEqual([]);
    });

    test("forgets a join that has ended, and remembers one that has not", () => {
      const { host, cluster } = clusterOf("abc");
      cluster.began("c");
      expect(health(host).code).toBe(0);
      expect(cluster.joins()).toEqual([]);

      const other = clusterOf("ab");
      other.cluster.members("a", "b", ["9", "started", "c", { learner: true }]);
      other.cluster.began("c");
      health(other.host);
      expect(other.cluster.joins()).toEqual(["https://127.0.0.3:2380"]);
    });

    test("does not remove a member that somebody else is adding but reports it at the end, and a rollout does not remove it either", () => {
      const { host, cluster } = clusterOf("abc");
      cluster.members("a", "b", "c", ["9", "unstarted", "d", { learner: true }]);
      expect(rollout(host).code).toBe(0);
      expect(health(host).lines.at(-1)).toBe(
        "a on host-a: health failed: the cluster has https://127.0.0.4:2380, which the program does not name and has never named; to do: add it to the program, or run '. /opt/etcd/etcdctl.env; etcdctl member remove 9'",
      );
      expect(cluster.changes()).toEqual([]);
    });

    test("moves leadership before it removes the leader", () => {
      const { host, cluster } = clusterOf("abcd");
      cluster.healthy("abcd", { leader: 4 });
      expect(health(host).lines.slice(0, 2)).toEqual([
        "a on host-a: health: took over leadership",
        took("d", "127.0.0.4"),
      ]);
      expect(cluster.changes()).toEqual(["d move-leader 1", "a member remove 4"]);
    });

    test.each(["cannot move it", "says it moved, but did not"])(
      "removes a leader even if etcdctl %s, which only costs an election",
      (how) => {
        const { host, cluster } = clusterOf("abcd");
        cluster.healthy("abcd", { leader: 4 });
        cluster.on("move-leader", how.startsWith("cannot") ? "exit 1" : "exit 0");
        const run = health(host);
        expect(run.lines[0]).toBe(took("d", "127.0.0.4"));
        expect(run.code).toBe(0);
      },
    );

    test("removes no member before all members in the program have joined", () => {
      const { host, cluster } = clusterOf("abd");
      expect(health(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: health refused: scale in: no member is removed before these have joined: https://127.0.0.3:2380; to do: apply again: their rollouts come first",
        ],
      });
      expect(cluster.changes()).toEqual([]);
    });

    test("removes no member while a member that stays is not healthy", () => {
      const { host, cluster } = clusterOf("abCd");
      expect(health(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: health refused: scale in: c (https://127.0.0.3:2380) is not healthy, and no member is removed while one that stays is unhealthy; to do: bring it back, or remove it from the program too, and apply again",
        ],
      });
      expect(cluster.changes()).toEqual([]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("repeats a removal that the cluster refuses for the moment, and prints etcd's error if it never succeeds", () => {
      const { host, cluster } = clusterOf("abcd");
      cluster.on(
        "member remove",
        `[ -e "$state/once" ] || { : >"$state/once"; fail "etcdserver: unhealthy cluster"; }`,
      );
      expect(health(host).code).toBe(0);
      expect(cluster.memberNames()).toEqual(["a", "b", "c"]);

      const other = clusterOf("abcd");
      other.cluster.on("member remove", `fail "etcdserver: unhealthy cluster"`);
      expect(health(other.host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: health failed: etcd does not remove d (https://127.0.0.4:2380): Error: etcdserver: unhealthy cluster; to do: see the log of the leader ('. /opt/etcd/etcdctl.env; etcdctl endpoint status -w table' shows which that is), and apply again",
        ],
      });
      expect(other.cluster.turn()).toBeUndefined();
    });

    test("does not fail if another deploy has removed the member in the meantime", () => {
      const { host, cluster } = clusterOf("abcd");
      cluster.on("member remove", `change_members "/^4, /d"`);
      expect(health(host)).toMatchObject({ code: 0, lines: expect.arrayContaining([took("d", "127.0.0.4")]) });
    });

    test("names the programs beside etcd, too, if the cluster has them", () => {
      const host = newHost({
        props: { backups: EtcdBackups.onHosts(), defragmentation: EtcdDefragmentation.onHosts() },
      });
      expect(host.call("programs_of c").lines).toEqual(["c c-backup c-defragmentation, remove their supervisor files"]);
    });

    test("says that a member with a new address leaves files on its old host", () => {
      const { host, cluster } = clusterOf("abc");
      const members = host.read("/run/cluster/members");
      host.write(
        "/run/cluster/members",
        `${members}4, started, c, https://127.0.0.4:2380, https://127.0.0.4:${all.port}, false\n`,
      );
      cluster.healthy("d");
      expect(health(host).lines.slice(0, 2)).toEqual([
        took("c", "127.0.0.4"),
        "a on host-a: health: its name stays in the program with another address, so its old host is not cleaned up, and its etcd refuses to run; to clean up there: supervisorctl stop c, remove its supervisor file, /data/etcd, /opt/etcd and what it points to",
      ]);
    });
  });
});
