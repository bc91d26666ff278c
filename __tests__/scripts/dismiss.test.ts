import { listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { phase, hostInCluster } from "../support/phases";
import { inEachShell } from "../support/shells";

const said = (text: string) => `a on host-a: dismiss: ${text}`;
const refused = (text: string) => `a on host-a: dismiss refused: dismissal: ${text}`;
const REMOVED = said("removed b (https://127.0.0.2:2380) from the cluster");

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5");
});
afterAll(() => all.close());

/** `b` goes with its machine, and the host of `a` takes it out of the cluster. */
inEachShell((newHost) => {
  /** The host of `a`. The program has `a`, `b` and `c`, and the cluster these members (dead ones in capitals). */
  const clusterOf = (letters: string) => hostInCluster(newHost({ props: { ports: { client: all.port } } }), letters);
  const dismiss = (host: Host, data = {}) => {
    const [own, , other] = host.cluster.members;
    return phase(host, "dismiss", {
      LEAVER: "b",
      LEAVER_URL: "https://127.0.0.2:2380",
      ENDPOINTS: `${own.clientUrl},${other.clientUrl}`,
      ...data,
    });
  };

  test("a healthy member hands leadership over and is removed", () => {
    const { host, cluster } = clusterOf("abc");
    expect(dismiss(host)).toEqual({ code: 0, lines: [said("took over leadership"), REMOVED] });
    expect(cluster.memberNames()).toEqual(["a", "c"]);
    expect(cluster.turn()).toBeUndefined();
  });

  test("a dead member is removed, and nothing asks its host", () => {
    const { host, cluster } = clusterOf("aBc");
    expect(dismiss(host)).toEqual({ code: 0, lines: [REMOVED] });
    expect(cluster.memberNames()).toEqual(["a", "c"]);
  });

  test("a dead member is removed although another one is dead, as long as the others are a quorum", () => {
    const five =
      "a=https://127.0.0.1:2380,b=https://127.0.0.2:2380,c=https://127.0.0.3:2380,d=https://d:2380,e=https://e:2380";
    const { host, cluster } = clusterOf("aBCde");
    expect(dismiss(host, { INITIAL_CLUSTER: five })).toEqual({ code: 0, lines: [REMOVED] });
    expect(cluster.memberNames()).toEqual(["a", "c", "d", "e"]);
    const three = clusterOf("aBC");
    three.cluster.healthy("a");
    expect(dismiss(three.host).lines.join()).toContain("without b (https://127.0.0.2:2380) there would be no quorum");
    expect(three.cluster.memberNames()).toEqual(["a", "b", "c"]);
  });

  test("a member that still votes under an older address is found by its name", () => {
    const { host, cluster } = clusterOf("abc");
    expect(dismiss(host, { LEAVER_URL: "https://127.0.0.9:2380" }).lines).toContain(REMOVED);
    expect(cluster.memberNames()).toEqual(["a", "c"]);
  });

  test("a second run finds the member gone", () => {
    const { host, cluster } = clusterOf("ac");
    expect(dismiss(host)).toEqual({ code: 0, lines: [said("b (https://127.0.0.2:2380) is not in the cluster")] });
    expect(cluster.changes()).toEqual([]);
  });

  test("it goes through another member if this one has left the cluster", () => {
    const { host, cluster } = clusterOf("Abc");
    cluster.members("b", "c");
    expect(dismiss(host, { INITIAL_CLUSTER: "b=https://127.0.0.2:2380,c=https://127.0.0.3:2380" }).lines).toContain(
      REMOVED,
    );
    expect(cluster.memberNames()).toEqual(["c"]);
  });

  test.each([
    [
      "another member is not healthy",
      "abC",
      {},
      "c (https://127.0.0.3:2380) is not healthy, and b is given up only while all other members are; to do: bring that member back, and apply again",
    ],
    [
      "there is no quorum",
      "ABC",
      {},
      "no member that stays answers a linearizable read, so b cannot be removed from the cluster, and with its machine its data would be gone; to do: bring the members back, and apply again; if the quorum is lost for good, see docs/provisioned-hosts.md#no-quorum",
    ],
    [
      "another member has left and is not back",
      "ab",
      {},
      "without b, only 1 of 3 members would be left: others have left and are not back yet; to do: replace or remove one machine with each apply: set the others back in the program, and apply again",
    ],
  ])("refuses if %s, and removes nobody", (_, letters, data, why) => {
    const { host, cluster } = clusterOf(letters);
    const before = cluster.memberNames();
    expect(dismiss(host, data)).toEqual({ code: 3, lines: [refused(why)] });
    expect(cluster.memberNames()).toEqual(before);
    expect(cluster.turn()).toBeUndefined();
  });

  test("what another dismissal has done while this one waited for the turn counts", () => {
    const { host, cluster } = clusterOf("aBc");
    cluster.on(
      "txn",
      `if [ ! -e "$state/waited" ]; then : >"$state/waited"; change_members '/^3, /d'; printf 'FAILURE\\n\\nk\\nc\\n'; exit; fi`,
    );
    expect(dismiss(host).lines.at(-1)).toContain("without b, only 1 of 3 members would be left");
    expect(cluster.memberNames()).toEqual(["a", "b"]);
  });

  test("one of the two members of a cluster may go, but not the last one", () => {
    const { host, cluster } = clusterOf("ab");
    const two = { INITIAL_CLUSTER: `a=${host.member.peerUrl},b=https://127.0.0.2:2380` };
    expect(dismiss(host, two).lines).toContain(REMOVED);
    const last = {
      LEAVER: "a",
      LEAVER_URL: host.member.peerUrl,
      INITIAL_CLUSTER: `a=${host.member.peerUrl}`,
      ENDPOINTS: host.member.clientUrl,
    };
    expect(dismiss(host, last).lines).toEqual([
      refused(
        "a is the last member, and with its machine the data of the cluster would be gone; to do: add another member first, and apply; if the cluster is not needed any more, destroy it together with its machines",
      ),
    ]);
    expect(cluster.memberNames()).toEqual(["a"]);
  });

  test("after a shutdown of all members there is nothing to do, but a host without etcd does not count as that while others run", () => {
    const { host, cluster } = clusterOf("abc");
    phase(host, "shutdown", { CLUSTER: "stack/etcd", REMOVAL_POLICY: "retain" });
    cluster.unhealthy("abc");
    expect(dismiss(host).lines.join()).toContain("no member that stays answers a linearizable read");
    const nobody = { ENDPOINTS: "https://127.0.0.1:9", CLIENT_URL: "https://127.0.0.1:9" };
    expect(dismiss(host, { ...nobody, LEAVER_URL: "https://127.0.0.2:9" })).toEqual({
      code: 0,
      lines: [said("the cluster is stopped, nothing to do for b")],
    });
    // The member that goes runs, or its host does not say anything.
    expect(dismiss(host, { ...nobody, LEAVER_URL: `https://127.0.0.2:${all.port}` }).code).toBe(3);
    expect(dismiss(host, { ...nobody, LEAVER_URL: "https://240.0.0.1:9" }).code).toBe(3);
  });
});
