import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { pid, rollout, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const NOSPACE = "memberID:1 alarm:NOSPACE";

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

inEachShell((newHost) => {
  /**
   * A host of a cluster whose database has 20480 bytes. Its etcd runs with the quota `running`, and its program has the
   * quota `wanted`; nothing else differs.
   */
  function hostWith(running: number | undefined, wanted: number | undefined): { host: Host; cluster: FakeCluster } {
    const host = newHost({ props: { ports: { client: all.port }, quotaBackendBytes: running } });
    const cluster = runningHost(host);
    Object.assign(host.cluster, { quotaBackendBytes: wanted });
    host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(), 0o755);
    return { host, cluster };
  }

  describe("preflight", () => {
    test.each([
      ["smaller than the database", undefined, 20000],
      ["hardly larger than the database", 100000, 22000],
    ])("refuses a quota that is %s, and names one that is large enough", (_, running, wanted) => {
      const { host, cluster } = hostWith(running, wanted);
      cluster.on("endpoint status -w json", '[ -e "$state/asked" ] || { : >"$state/asked"; fail "not yet"; }');
      expect(host.call("check_quota").lines).toEqual([
        `a on host-a: test refused: quota: the database has 20480 bytes, quotaBackendBytes is ${wanted}: the next writes would raise the alarm NOSPACE, which stops all writes to the cluster; to do: set quotaBackendBytes to 22760 or more; or make the database smaller first: compact it and defragment each member, see docs/alarms.md`,
      ]);
    });

    test.each([
      ["smaller, and large enough", undefined, 22760],
      ["larger than the one that the database has reached", 20000, 21000],
      ["the default instead of a smaller one", 20000, undefined],
      ["unchanged", 20000, 20000],
    ])("accepts a quota that is %s", (_, running, wanted) => {
      expect(hostWith(running, wanted).host.call("check_quota").lines).toEqual([]);
    });
  });

  describe("a rollout under NOSPACE", () => {
    /** A cluster under an alarm: etcd grants no lease, and etcdctl calls every member unhealthy. */
    function full(running: number | undefined, wanted: number | undefined, alarm = NOSPACE) {
      const { host, cluster } = hostWith(running, wanted);
      cluster.alarm(alarm);
      cluster.on("lease grant", 'fail "etcdserver: mvcc: database space exceeded"');
      cluster.on(
        "endpoint health",
        `for endpoint in $(echo "$endpoints" | tr , ' '); do
          echo "$endpoint is unhealthy: failed to commit proposal: Active Alarm(s): $(sed -n 's/.*alarm:\\(.*\\)/\\1 /p' "$state/alarms")" >&2
        done
        fail "unhealthy cluster"`,
      );
      return { host, cluster, before: pid(host) };
    }

    test("that brings a larger quota succeeds without the turn, and leaves the alarm to the operator", () => {
      const { host, cluster, before } = full(20000, 40000);
      expect(rollout(host, { cluster: { quotaBackendBytes: 40000 } })).toEqual({
        code: 0,
        lines: [
          "a on host-a: rollout: the alarm NOSPACE is raised, and etcd grants no turn while it is: restarting with the larger quota, without the turn",
          "a on host-a: rollout: restarted",
          "a on host-a: rollout: the alarm NOSPACE stays raised until you clear it: when all members have the larger quota, run '. /opt/etcd/etcdctl.env; etcdctl alarm disarm'",
          "a on host-a: rollout: healthy",
        ],
      });
      expect(pid(host)).not.toBe(before);
      expect(cluster.changes()).toEqual([]);
    });

    test.each([
      ["brings a smaller one", 40000, 30000, NOSPACE],
      ["brings a larger one that the database has already reached", 10000, 20000, NOSPACE],
      ["changes something else", 40000, 40000, NOSPACE],
      ["brings a larger one, while a member's data differ too", 20000, 40000, `${NOSPACE}\nmemberID:2 alarm:CORRUPT`],
    ])("that %s is refused", (_, running, wanted, alarm) => {
      const { host, before } = full(running, wanted, alarm);
      const { code, lines } = rollout(host, { cluster: { quotaBackendBytes: wanted } });
      expect(lines).toEqual([expect.stringContaining("rollout refused: restart: an alarm is raised: NOSPACE of a")]);
      expect(code).toBe(3);
      expect(pid(host)).toBe(before);
    });
  });
});
