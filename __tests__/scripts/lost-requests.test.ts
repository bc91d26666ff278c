import { type FakeCluster, type FakeMember, listenOn } from "../support/fake-etcd";
import type { Host, Run } from "../support/host";
import {
  HEALTH,
  hostInCluster,
  phase,
  rollout,
  rolloutData,
  runningHost,
  stagedHost,
  upgradingHost,
} from "../support/phases";
import { inEachShell } from "../support/shells";

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5");
});
afterAll(() => all.close());

/** How etcd may lose a request if its leader ends at that moment: before it is done, or when it is done. */
const LOSSES = {
  request: '{ fail "etcdserver: leader changed"; }',
  answer: `{ exec >/dev/null; trap 'echo "Error: etcdserver: leader changed" >&2; exit 1' EXIT; }`,
};

/**
 * Loses each request when it is made for the first time, the third time, and so on. What has other ways to go wrong is
 * left alone: the phases take an unhealthy member, a leader that stays, and a snapshot that fails, for what they are.
 */
const lossy = (loss: string) => `case $words in
  "endpoint health" | move-leader* | snapshot*) ;;
  *)
    counted=$state/count.$(printf %s "$endpoints $words" | tr -c A-Za-z0-9 _)
    if [ -e "$counted" ]; then rm "$counted"; else : >"$counted" && ${loss}; fi
    ;;
esac`;

const SNAPSHOTS = "/var/lib/cdktf-etcd/a/snapshots";

inEachShell((newHost) => {
  const quota = { quotaBackendBytes: 4294967296 };
  const clusterHost = (version = "3.6.14") => newHost({ props: { version, ports: { client: all.port } } });
  /** The rollout of `a`, which has no data. */
  const newcomer = (healthy: string, ...members: (FakeMember | string)[]) => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    cluster.members(...members);
    cluster.healthy(healthy);
    return { host, cluster, run: () => rollout(host) };
  };
  const scenarios: { [name: string]: () => { host: Host; cluster: FakeCluster; run: () => Run } } = {
    "a restart": () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.healthy("abc", { leader: 1 });
      host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(quota), 0o755);
      host.call("note_due");
      return { host, cluster, run: () => rollout(host, { cluster: quota }) };
    },
    "an upgrade": () => {
      const host = clusterHost();
      const cluster = upgradingHost(host, "3.6.13");
      return { host, cluster, run: () => rollout(host) };
    },
    "a join": () => {
      const scenario = newcomer("bc", "b", "c");
      scenario.cluster.status("a");
      return scenario;
    },
    "a member that has lost its data": () => {
      const scenario = newcomer("bc", "a", "b", "c");
      scenario.cluster.status("a");
      scenario.host.write("/var/lib/cdktf-etcd/a/started", `${scenario.host.member.peerUrl}\n`);
      return scenario;
    },
    "a member that runs elsewhere": () => newcomer("abc", "a", "b", "c"),
    "a join after one that was interrupted": () => {
      const scenario = newcomer("bc", "b", ["9", "started", "c", { learner: true }]);
      scenario.cluster.status("a");
      scenario.cluster.began("c");
      return scenario;
    },
    "dead members": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abcDE");
      return { host, cluster, run: () => phase(host, "rollout", rolloutData(host)) };
    },
    "members that leave": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abcd");
      return { host, cluster, run: () => phase(host, "health", HEALTH) };
    },
    "an interrupted join that leaves": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abc");
      cluster.members("a", "b", "c", ["9", "unstarted", "d", { learner: true }]);
      cluster.began("d");
      return { host, cluster, run: () => phase(host, "health", HEALTH) };
    },
    "a rollout that is due": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abc");
      host.call("note_due");
      return { host, cluster, run: () => phase(host, "health", HEALTH) };
    },
    "a dismissal": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abc");
      cluster.healthy("abc", { leader: 3 });
      const [own, , other] = host.cluster.members;
      const data = {
        LEAVER: "b",
        LEAVER_URL: "https://127.0.0.2:2380",
        ENDPOINTS: `${own.clientUrl},${other.clientUrl}`,
      };
      return { host, cluster, run: () => phase(host, "dismiss", data) };
    },
    "a member that runs on the data of another one": () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.status("a", { id: 3 });
      return { host, cluster, run: () => rollout(host) };
    },
    "an alarm": () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.alarm("memberID:2 alarm:CORRUPT");
      host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(quota), 0o755);
      return { host, cluster, run: () => rollout(host, { cluster: quota }) };
    },
    "a removal while the cluster counts on the member": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abc");
      const data = { CLUSTER: "stack/etcd", REMOVAL_POLICY: "destroy" };
      return { host, cluster, run: () => phase(host, "decommission", data) };
    },
  };

  /** What comes of a phase. That it waits for the turn is the only thing that it says of a request that was lost. */
  const outcome = (name: string, loss?: string) => {
    const { host, cluster, run } = scenarios[name]();
    if (loss) cluster.on("any call", lossy(loss));
    const { code, lines } = run();
    return {
      code,
      lines: lines.filter((line) => !line.includes("waiting for the turn")),
      members: cluster.memberNames().sort(),
      due: cluster.due(),
      joins: cluster.joins(),
      turn: cluster.turn(),
      snapshots: host.has(SNAPSHOTS) && host.list(SNAPSHOTS),
    };
  };

  test.each(Object.keys(scenarios))(
    "%s: nothing else comes of it if etcd loses every other request, or its answer",
    (name) => {
      const expected = outcome(name);
      for (const loss of Object.values(LOSSES)) expect(outcome(name, loss)).toEqual(expected);
    },
  );
});
