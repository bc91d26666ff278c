import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { HEALTH, phase, pid, rollout, rolloutData, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const took = (name: string, address: string, phase = "health") =>
  `a on host-a: ${phase}: took ${name} (https://${address}:2380) out of the cluster`;
const leftovers = (name: string) =>
  `its etcd did not answer: if its host does not either, what is there stays, and its etcd refuses to run; to clean up there: supervisorctl stop ${name}, remove its supervisor file, /data/etcd, /opt/etcd and what it points to`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5");
});
afterAll(() => all.close());

/** How members that the program no longer names leave the cluster: the dead ones first, by a rollout, the healthy ones by health, last. */
inEachShell((newHost) => {
  /** The host of `a` in a cluster of these members, of which the program names `a`, `b` and `c`; those in capitals are dead. */
  function clusterOf(letters: string): { host: Host; cluster: FakeCluster } {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.members(...letters.toLowerCase());
    cluster.healthy(letters.toLowerCase());
    cluster.unhealthy(letters.replace(/[a-z]/g, "").toLowerCase());
    return { host, cluster };
  }
  const health = (host: Host) => phase(host, "health", HEALTH);
  const removals = (cluster: FakeCluster) => cluster.changes().filter((call) => call.includes("remove"));

  test("a list that is the first one of its state takes nobody out, dead or alive: that state has never named them", () => {
    const { host, cluster } = clusterOf("abcdE");
    const first = { FOUNDING_MEMBERSHIP: HEALTH.MEMBERSHIP };
    expect(phase(host, "rollout", { ...rolloutData(host), ...first }).code).toBe(0);
    expect(phase(host, "health", { ...HEALTH, ...first }).lines.at(-1)).toBe(
      "a on host-a: health failed: the cluster has d (https://127.0.0.4:2380), e (https://127.0.0.5:2380), which the program does not name, nor did it before; to do: add it to the program, or take it out by etcdctl member remove",
    );
    expect(removals(cluster)).toEqual([]);
  });

  describe("a rollout", () => {
    test("takes dead ones out, before anything else", () => {
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

    test("does so through another member where its own etcd does not run", () => {
      const { host, cluster } = clusterOf("abcD");
      host.call("supervisorctl stop a");
      cluster.unhealthy("a");
      cluster.on("alarm list", `: >"$(file '${host.member.clientUrl}' healthy)"`);
      expect(rollout(host).lines[0]).toBe(took("d", "127.0.0.4", "rollout"));
      expect(removals(cluster)).toEqual(["b member remove 4"]);
    });

    test("leaves healthy ones where they are: until the others have had their turn they are a help", () => {
      const { host, cluster } = clusterOf("abcde");
      expect(rollout(host)).toEqual({ code: 0, lines: ["a on host-a: rollout: healthy"] });
      expect(cluster.memberNames()).toEqual(["a", "b", "c", "d", "e"]);
      expect(cluster.changes()).toEqual([]);
    });

    test("takes nobody out while no cluster answers", () => {
      const { host, cluster } = clusterOf("ABCD");
      expect(rollout(host).code).toBe(1);
      expect(removals(cluster)).toEqual([]);
    });

    test("takes nobody out without whom there would be no quorum, and says who is missing", () => {
      const { host, cluster } = clusterOf("abCdeF");
      // Without f there are five: a, b, d and e are a quorum. With two more dead they are not.
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

  describe("health", () => {
    test("takes out what the program no longer names, one after the other, before the table", () => {
      const { host, cluster } = clusterOf("abcde");
      const run = health(host);
      expect(run.code).toBe(0);
      expect(run.lines.filter((line) => line.includes("took"))).toEqual([
        took("d", "127.0.0.4"),
        took("e", "127.0.0.5"),
      ]);
      expect(run.lines.at(-4)).toMatch(/^MEMBER /);
      expect(removals(cluster)).toEqual(["a member remove 4", "a member remove 5"]);
      expect(cluster.memberNames()).toEqual(["a", "b", "c"]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("takes the dead ones out first: each healthy one still counts for the quorum", () => {
      const { host, cluster } = clusterOf("abcdE");
      expect(health(host).code).toBe(0);
      expect(removals(cluster)).toEqual(["a member remove 5", "a member remove 4"]);
    });

    test("a member that was added and never started goes too, though it has no client URL", () => {
      const { host, cluster } = clusterOf("abc");
      cluster.members("a", "b", "c", ["9", "unstarted", "d", { learner: true }]);
      cluster.began("d");
      expect(health(host).code).toBe(0);
      expect(cluster.memberNames()).toEqual(["a", "b", "c"]);
      // Whoever is added there next is added by somebody else.
      expect(cluster.joins()).toEqual([]);
    });

    test("a join that has ended is forgotten, and one that has not is remembered", () => {
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

    test("one that somebody else is adding stays, and is named at the end; so it is with a rollout", () => {
      const { host, cluster } = clusterOf("abc");
      cluster.members("a", "b", "c", ["9", "unstarted", "d", { learner: true }]);
      expect(rollout(host).code).toBe(0);
      expect(health(host).lines.at(-1)).toBe(
        "a on host-a: health failed: the cluster has https://127.0.0.4:2380, which the program does not name, nor did it before; to do: add it to the program, or take it out by etcdctl member remove",
      );
      expect(cluster.changes()).toEqual([]);
    });

    test("a leader hands its office over before it is taken out", () => {
      const { host, cluster } = clusterOf("abcd");
      cluster.healthy("abcd", { leader: 4 });
      expect(health(host).lines.slice(0, 2)).toEqual([
        "a on host-a: health: took over leadership",
        took("d", "127.0.0.4"),
      ]);
      expect(cluster.changes()).toEqual(["d move-leader 1", "a member remove 4"]);
    });

    test.each(["cannot move it", "says it moved, but did not"])(
      "a leader whose etcdctl %s is taken out all the same: that costs an election, no more",
      (how) => {
        const { host, cluster } = clusterOf("abcd");
        cluster.healthy("abcd", { leader: 4 });
        cluster.on("move-leader", how.startsWith("cannot") ? "exit 1" : "exit 0");
        const run = health(host);
        expect(run.lines[0]).toBe(took("d", "127.0.0.4"));
        expect(run.code).toBe(0);
      },
    );

    test("nobody is taken out before all that the program names have joined", () => {
      const { host, cluster } = clusterOf("abd");
      expect(health(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: health refused: scale in: no member is taken out before these have joined: https://127.0.0.3:2380 ; to do: apply again: their rollouts come first",
        ],
      });
      expect(cluster.changes()).toEqual([]);
    });

    test("nobody is taken out while one that stays is not healthy", () => {
      const { host, cluster } = clusterOf("abCd");
      expect(health(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: health refused: scale in: c (https://127.0.0.3:2380) is not healthy, and nobody is taken out while a member that stays is not; to do: bring it back, or take it out of the program too, and apply again",
        ],
      });
      expect(cluster.changes()).toEqual([]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("a cluster that takes nobody out just now is asked again; its words are said when it never does", () => {
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
          "a on host-a: health failed: etcd does not take out d (https://127.0.0.4:2380): Error: etcdserver: unhealthy cluster; to do: see the log of the leader, and apply again",
        ],
      });
      expect(other.cluster.turn()).toBeUndefined();
    });

    test("one that another deploy has taken out meanwhile is no failure", () => {
      const { host, cluster } = clusterOf("abcd");
      cluster.on("member remove", `change_members "/^4, /d"`);
      expect(health(host)).toMatchObject({ code: 0, lines: expect.arrayContaining([took("d", "127.0.0.4")]) });
    });

    test("a member that keeps its name and gets another address is said to leave things on its old host", () => {
      const { host, cluster } = clusterOf("abc");
      const members = host.read("/run/cluster/members");
      host.write(
        "/run/cluster/members",
        `${members}4, started, c, https://127.0.0.4:2380, https://127.0.0.4:${all.port}, false\n`,
      );
      cluster.healthy("d");
      expect(health(host).lines.slice(0, 2)).toEqual([
        took("c", "127.0.0.4"),
        "a on host-a: health: its name stays in the program, with another address: what is on its host stays there, and its etcd refuses to run; to clean up there: supervisorctl stop c, remove its supervisor file, /data/etcd, /opt/etcd and what it points to",
      ]);
    });
  });
});
