import { rmSync } from "node:fs";
import { HOST_TEXT } from "../support/host-scripts";
import { listenOn } from "../support/fake-etcd";
import { supervisorChanges } from "../support/fake-supervisor";
import type { Host } from "../support/host";
import { MEMBERSHIP, phase, pid, rollout, rolloutData, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const CHANGE = { cluster: { quotaBackendBytes: 4294967296 } };
const STARTUP = "/opt/etcd-v3.6.14/etcd-server-startup.sh";
const said = (text: string) => `a on host-a: rollout: ${text}`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4");
});
afterAll(() => all.close());

test("only the bootstrap ever sets initial-cluster-state to new", () => {
  const [before, bootstrap, ...after] = HOST_TEXT.split(/^(?=phase_bootstrap\(\))|(?<=^}\n)(?=\nis_founder\(\))/m);
  expect(bootstrap).toContain("initial_cluster_state=new");
  expect([before, ...after].join("")).not.toContain("initial_cluster_state");
});

inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: all.port } } });
  /** Stages a new startup script beside the one in use, as `stage` does. */
  const stageChange = (host: Host) => host.write(`${STARTUP}.next`, host.startupScript(CHANGE.cluster), 0o755);
  const runsWithQuota = (host: Host) => host.read("/run/etcd.args").includes("--quota-backend-bytes=4294967296\n");

  function expectNeverNew(host: Host): void {
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    if (host.has("/run/etcd.args")) expect(host.read("/run/etcd.args")).not.toContain("=new\n");
  }

  describe("a member with data", () => {
    test("is not restarted if nothing has changed", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
      expect(pid(host)).toBe(before);
      expect(supervisorChanges(host)).toEqual([]);
      expectNeverNew(host);
    });

    test("is restarted with a change, and is healthy before the next member is changed", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      stageChange(host);
      expect(rollout(host, CHANGE)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
      expect(pid(host)).toMatch(/^\d+$/);
      expect(pid(host)).not.toBe(before);
      expect(runsWithQuota(host)).toBe(true);
      expect(host.has(`${STARTUP}.next`)).toBe(false);
      expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
      expectNeverNew(host);
    });

    test("is not due any more afterwards, although etcd loses the first request; the phase fails if etcd does not write that down", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      stageChange(host);
      host.call("note_due");
      cluster.loseOnce("del");
      expect(rollout(host, CHANGE).lines).toEqual([said("restarted"), said("healthy")]);
      expect(cluster.due()).toEqual([]);

      host.call("note_due");
      cluster.on("del", 'fail "etcdserver: no leader"');
      expect(rollout(host, CHANGE)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: it is healthy, but etcd does not write down that nothing is due here any more: Error: etcdserver: no leader; to do: bring a quorum of the members back, and apply again",
        ],
      });
      expect(cluster.due()).toEqual([host.member.peerUrl]);
    });

    test("that is the leader first moves leadership to the member before it, which has already been restarted", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.healthy("a", { leader: 1 });
      stageChange(host);
      expect(rollout(host, CHANGE).lines).toEqual([
        said("moved leadership to member 3"),
        said("restarted"),
        said("healthy"),
      ]);
      expect(cluster.calls()).toContain("a move-leader 3");
    });

    test("moves leadership to the previous member by name, and the first member moves it to the last", () => {
      const host = newHost();
      const before = (member: string) => host.call(`MEMBER=${member}; peer_url_before`).lines;
      expect(["a", "b", "c"].map(before)).toEqual([
        ["https://127.0.0.3:2380"],
        ["https://127.0.0.1:2380"],
        ["https://127.0.0.2:2380"],
      ]);
    });

    test("that is the leader of a cluster of one restarts without moving leadership", () => {
      const host = newHost({
        props: { members: [{ name: "a", address: "127.0.0.1", hostName: "host-a" }], ports: { client: all.port } },
      });
      const cluster = runningHost(host);
      cluster.healthy("a", { leader: 1 });
      stageChange(host);
      expect(rollout(host, CHANGE)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
      expect(cluster.calls().filter((call) => call.includes("move-leader"))).toEqual([]);
    });

    test.each(["cannot move it", "says it moved, but did not"])(
      "that is the leader restarts even if etcdctl %s, because etcd moves leadership when it stops",
      (how) => {
        const host = clusterHost();
        const cluster = runningHost(host);
        cluster.healthy("a", { leader: 1 });
        cluster.on("move-leader", how.startsWith("cannot") ? "exit 1" : "exit 0");
        stageChange(host);
        expect(rollout(host, CHANGE)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
      },
    );

    test("is restarted with a changed supervisor program, which supervisord loads", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      const ini = `${host.programIni()}priority=1\n`;
      host.write("/opt/etcd-v3.6.14/etcd-server.ini.next", ini);
      expect(rollout(host, { ini }).lines).toEqual([said("restarted"), said("healthy")]);
      expect(pid(host)).not.toBe(before);
      expect(host.read("/etc/supervisor/conf.d/etcd-server.conf")).toMatch(/\npriority=1\n$/);
      expect(host.has("/opt/etcd-v3.6.14/etcd-server.ini.next")).toBe(false);
    });

    test.each(["b", "c", "d"])(
      "is not restarted while %s is not healthy, even if the program no longer names that member, and keeps running",
      (sick) => {
        const host = clusterHost();
        const cluster = runningHost(host);
        cluster.members("a", "b", "c", "d");
        cluster.healthy("d");
        // This member has left the program, and it is still healthy when the rollout looks for dead members.
        if (sick === "d")
          cluster.on("lease grant", `rm -f "$(file '${host.member.clientUrl.replace(".1:", ".4:")}' healthy)"`);
        else cluster.unhealthy(sick);
        const before = pid(host);
        stageChange(host);
        const address = `127.0.0.${"abcd".indexOf(sick) + 1}`;
        expect(rollout(host, CHANGE)).toEqual({
          code: 3,
          lines: [
            `a on host-a: rollout refused: restart: ${sick} (https://${address}:2380) is not healthy, and a restart here would take down another member; to do: bring that member back (if its data are lost, see docs/replace-member.md#an-empty-machine-or-a-lost-data-directory), and apply again; this member still runs as before`,
          ],
        });
        expect(pid(host)).toBe(before);
        expect(host.has(`${STARTUP}.next`)).toBe(true);
        expect(host.read(STARTUP)).toBe(host.startupScript());
        expect(cluster.changes()).toEqual([]);
        expect(cluster.turn()).toBeUndefined();
      },
    );

    test("is not restarted while a member is down that no deploy removes, with the command that removes it", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members("a", "b", "c", "d");
      stageChange(host);
      const run = phase(host, "rollout", { ...rolloutData(host, CHANGE.cluster), FOUNDING_MEMBERSHIP: MEMBERSHIP });
      expect(run.lines).toEqual([
        "a on host-a: rollout refused: restart: d (https://127.0.0.4:2380) is not healthy, and a restart here would take down another member; to do: bring it back; or, if it is gone for good, run '. /opt/etcd/etcdctl.env; etcdctl member remove 4', because the program does not name it and no deploy removes it; then apply again; this member still runs as before",
      ]);
    });

    test("is not restarted while an alarm is raised", () => {
      const host = clusterHost();
      runningHost(host).alarm("memberID:1 alarm:NOSPACE");
      const before = pid(host);
      stageChange(host);
      expect(rollout(host, CHANGE)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: restart: an alarm is raised: NOSPACE of a (https://127.0.0.1:2380); to do: make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again",
        ],
      });
      expect(pid(host)).toBe(before);
    });

    test("is not restarted if an alarm makes members unhealthy, and the alarm is given as the reason", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.alarm("memberID:2 alarm:NOSPACE");
      cluster.unhealthy("b");
      stageChange(host);
      expect(rollout(host, CHANGE)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: restart: an alarm is raised: NOSPACE of b (https://127.0.0.2:2380); to do: make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again",
        ],
      });
    });

    test.each([">&-", ">/dev/full"])(
      "completes its restart even if Terraform is gone and nobody reads the output (%s)",
      (output) => {
        const host = clusterHost();
        runningHost(host);
        const before = pid(host);
        stageChange(host);
        const run = host.call(`exec 2>/dev/null ${output}; phase_rollout`, {
          PHASE: "rollout",
          ...rolloutData(host, CHANGE.cluster),
        });
        expect(run).toEqual({ code: 0, lines: [] });
        expect(pid(host)).toMatch(/^\d+$/);
        expect(pid(host)).not.toBe(before);
        expect(runsWithQuota(host)).toBe(true);
        expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
      },
    );

    test("whose etcd does not run is started with what is staged", () => {
      const host = clusterHost();
      runningHost(host);
      host.call("supervisorctl stop a");
      stageChange(host);
      expect(rollout(host, CHANGE).lines).toEqual([said("etcd is not running, starting it"), said("healthy")]);
      expect(runsWithQuota(host)).toBe(true);
      expectNeverNew(host);
    });

    test("is restarted by the next run if a run was killed between the rename and the restart", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      stageChange(host);
      host.call("activate");
      expect(pid(host)).toBe(before);
      expect(host.has(`${STARTUP}.next`)).toBe(false);
      expect(rollout(host, CHANGE).lines).toEqual([said("restarted"), said("healthy")]);
      expect(runsWithQuota(host)).toBe(true);
      // It is restarted only once.
      expect(rollout(host, CHANGE).lines).toEqual([said("healthy")]);
    });

    test("that is a founder gets its started mark in its first rollout", () => {
      const host = clusterHost();
      runningHost(host);
      rmSync(host.path("/var/lib/cdktf-etcd/a/started"));
      rollout(host);
      expect(host.read("/var/lib/cdktf-etcd/a/started")).toBe(`${host.member.peerUrl}\n`);
    });
  });
});
