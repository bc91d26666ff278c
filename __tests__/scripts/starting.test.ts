import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { pid, rollout, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const CHANGE = { cluster: { quotaBackendBytes: 4294967296 } };
const said = (text: string) => `a on host-a: rollout: ${text}`;
const WAITING = said("etcd is still starting: its log, disk or processor shows activity, waiting");

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

/** A start that takes longer than a minute, for example with a large database or on a slow disk. */
inEachShell((newHost) => {
  function startingHost(): { host: Host; cluster: FakeCluster } {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.unhealthy("a");
    return { host, cluster };
  }

  /** Makes etcd write to its log at every health check, and become healthy at the check number `healthyAt`. */
  const busy = (host: Host, cluster: FakeCluster, healthyAt = 1_000_000) =>
    cluster.on(
      "endpoint health",
      `[ "$endpoints" != '${host.member.clientUrl}' ] || {
        echo restoring >>'${host.root}/data/logs/etcd.log'
        echo >>"$state/asked"
        [ $(wc -l <"$state/asked") -lt ${healthyAt} ] || : >"$(file "$endpoints" healthy)"
      }`,
    );

  test("a start is waited for as long as etcd shows activity", () => {
    const { host, cluster } = startingHost();
    busy(host, cluster, 12);
    const before = pid(host);
    const { code, lines } = rollout(host);
    expect(lines.slice(-2)).toEqual([WAITING, said("healthy")]);
    expect(code).toBe(0);
    expect(pid(host)).toBe(before);
  });

  test.each([
    "neither its log nor its disk shows activity",
    "too few of the other members answer, so that etcd waits for them",
  ])("a start fails after a minute if %s", (why) => {
    const { host, cluster } = startingHost();
    if (why.startsWith("too few")) {
      busy(host, cluster);
      cluster.on("endpoint status -w json", "exit 1");
    }
    const { code, lines } = rollout(host);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/ rollout failed: not healthy after \d+ s: /)]);
  });

  test("a start fails after a minute if etcd keeps logging that its data belong to another cluster", () => {
    const { host, cluster } = startingHost();
    busy(host, cluster);
    cluster.on("alarm list", `echo 'cluster ID mismatch' >>'${host.root}/data/logs/etcd.log'`);
    expect(rollout(host).lines).toEqual([
      expect.stringMatching(/ rollout failed: not healthy after \d+ s: cluster ID mismatch; /),
    ]);
  });

  test("the wait for a start has an upper limit", () => {
    const { host, cluster } = startingHost();
    busy(host, cluster);
    const run = host.call(
      'wait_until() { shift; ! "$@"; false; }; STARTING_SECONDS=0; wait_while_moving 60 true answers_healthy || echo no',
    );
    expect(run.lines).toEqual(["no"]);
  });

  describe("the next deploy, after one that restarted the member and did not see it healthy,", () => {
    function restartedHost(): { host: Host; cluster: FakeCluster; restarted: string } {
      const { host, cluster } = startingHost();
      cluster.healthy("a");
      host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(CHANGE.cluster), 0o755);
      const before = pid(host);
      cluster.on("txn", `: >"$state/turned"`);
      cluster.on(
        "alarm list",
        `[ ! -e "$state/turned" ] || { rm -f "$(file '${host.member.clientUrl}' healthy)" && echo "memberID:1 alarm:CORRUPT" && exit; }`,
      );
      expect(rollout(host, CHANGE).code).toBe(1);
      cluster.off("alarm list");
      cluster.off("txn");
      expect(pid(host)).not.toBe(before);
      expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(true);
      return { host, cluster, restarted: pid(host) };
    }

    test("does not restart it again if it is healthy by now", () => {
      const { host, cluster, restarted } = restartedHost();
      cluster.healthy("a");
      expect(rollout(host, CHANGE)).toEqual({ code: 0, lines: [said("healthy")] });
      expect(pid(host)).toBe(restarted);
      expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
    });

    test("waits for it while it shows activity", () => {
      const { host, cluster, restarted } = restartedHost();
      busy(host, cluster, 12);
      const { code, lines } = rollout(host, CHANGE);
      expect(lines).toEqual([
        said("was restarted by the previous deploy, waiting until it is healthy"),
        WAITING,
        said("healthy"),
      ]);
      expect(code).toBe(0);
      expect(pid(host)).toBe(restarted);
    });

    test("restarts it if it shows no activity", () => {
      const { host, cluster, restarted } = restartedHost();
      cluster.on("txn", `: >"$(file '${host.member.clientUrl}' healthy)"`);
      const { code, lines } = rollout(host, CHANGE);
      expect(lines.slice(-2)).toEqual([said("restarted"), said("healthy")]);
      expect(code).toBe(0);
      expect(pid(host)).not.toBe(restarted);
    });
  });

  test("the next deploy, after one that was killed before the old process ended, restarts etcd", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    runningHost(host);
    host.call("activate");
    const before = pid(host);
    expect(rollout(host).lines).toEqual([said("restarted"), said("healthy")]);
    expect(pid(host)).not.toBe(before);
  });
});
