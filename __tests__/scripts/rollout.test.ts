import { rmSync, utimesSync } from "node:fs";
import { hostScripts } from "../../src/provision/host-scripts";
import { listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { phase, pid, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const STARTUP = "/opt/etcd-v3.6.14/etcd-server-startup.sh";
const said = (text: string) => `a on host-a: rollout: ${text}`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

test("nothing but the bootstrap ever writes that a cluster is new", () => {
  const [before, bootstrap, ...after] = hostScripts().split(/^(?=phase_bootstrap\(\))|(?<=^}\n)(?=\nis_founder\(\))/m);
  expect(bootstrap).toContain("initial_cluster_state=new");
  expect([before, ...after].join("")).not.toContain("initial_cluster_state");
});

inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: all.port } } });
  const rollout = (host: Host) => phase(host, "rollout");
  /** A new startup script as `stage` leaves it beside the one that runs. */
  const stageChange = (host: Host) =>
    host.write(`${STARTUP}.next`, host.startupScript({ quotaBackendBytes: 4294967296 }), 0o755);
  const runsWithQuota = (host: Host) => host.read("/run/etcd.args").includes("--quota-backend-bytes=4294967296\n");

  function expectNeverNew(host: Host): void {
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    if (host.has("/run/etcd.args")) expect(host.read("/run/etcd.args")).not.toContain("=new\n");
  }

  describe("with data", () => {
    test("and nothing changed: nothing is restarted", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
      expect(pid(host)).toBe(before);
      expect(host.calls("supervisorctl")).toEqual([]);
      expectNeverNew(host);
    });

    test("and a change: restarts with it, and is healthy before the next member's turn", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      stageChange(host);
      expect(rollout(host)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
      expect(pid(host)).toMatch(/^\d+$/);
      expect(pid(host)).not.toBe(before);
      expect(runsWithQuota(host)).toBe(true);
      expect(host.has(`${STARTUP}.next`)).toBe(false);
      expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
      expectNeverNew(host);
    });

    test("and a change, as the leader: hands leadership to the member before it, which has had its turn", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.healthy("a", { leader: 1 });
      stageChange(host);
      expect(rollout(host).lines).toEqual([said("moved leadership to member 3"), said("restarted"), said("healthy")]);
      expect(cluster.calls()).toContain("a move-leader 3");
    });

    test("the member before is that in the order of names, and the last one for the first", () => {
      const host = newHost();
      const before = (member: string) => host.call(`MEMBER=${member}; peer_url_before`).lines;
      expect(["a", "b", "c"].map(before)).toEqual([
        ["https://127.0.0.3:2380"],
        ["https://127.0.0.1:2380"],
        ["https://127.0.0.2:2380"],
      ]);
    });

    test("and a change, as the leader of a cluster of one: there is nobody to lead instead", () => {
      const host = newHost({
        props: { members: [{ name: "a", address: "127.0.0.1", host: "host-a" }], ports: { client: all.port } },
      });
      const cluster = runningHost(host);
      cluster.healthy("a", { leader: 1 });
      stageChange(host);
      expect(rollout(host)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
      expect(cluster.calls().filter((call) => call.includes("move-leader"))).toEqual([]);
    });

    test.each(["cannot move it", "says it moved, but did not"])(
      "and a change, as the leader, when etcdctl %s: restarts all the same, since etcd hands it over when it stops",
      (how) => {
        const host = clusterHost();
        const cluster = runningHost(host);
        cluster.healthy("a", { leader: 1 });
        cluster.moveLeaderIs(how.startsWith("cannot") ? "exit 1" : "exit 0");
        stageChange(host);
        expect(rollout(host)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
      },
    );

    test("and a changed supervisor program: supervisor reads it", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      host.write("/opt/etcd-v3.6.14/etcd-server.ini.next", `${host.programIni()}priority=1\n`);
      expect(rollout(host).lines).toEqual([said("restarted"), said("healthy")]);
      expect(pid(host)).not.toBe(before);
      expect(host.read("/etc/supervisor/conf.d/etcd-server.conf")).toMatch(/\npriority=1\n$/);
      expect(host.has("/opt/etcd-v3.6.14/etcd-server.ini.next")).toBe(false);
    });

    test.each(["b", "c"])(
      "and a change, while %s is not healthy: refused, and the old configuration runs on",
      (sick) => {
        const host = clusterHost();
        const cluster = runningHost(host);
        cluster.unhealthy(sick);
        const before = pid(host);
        stageChange(host);
        const url = host.cluster.members["abc".indexOf(sick)].clientUrl;
        expect(rollout(host)).toEqual({
          code: 3,
          lines: [
            `a on host-a: rollout refused: restart: ${url} is not healthy, and a restart here would cost another member; to do: bring that member back, and apply again; this one still runs with its old configuration`,
          ],
        });
        expect(pid(host)).toBe(before);
        expect(host.has(`${STARTUP}.next`)).toBe(true);
        expect(host.read(STARTUP)).toBe(host.startupScript());
      },
    );

    test("and a change, while an alarm is raised: refused", () => {
      const host = clusterHost();
      runningHost(host).alarm("memberID:1 alarm:NOSPACE");
      const before = pid(host);
      stageChange(host);
      expect(rollout(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: restart: an alarm is raised: memberID:1 alarm:NOSPACE ; to do: see docs/alarms.md, clear the alarm, and apply again",
        ],
      });
      expect(pid(host)).toBe(before);
    });

    test("and a change, while an alarm makes members unhealthy: the alarm is named", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.alarm("memberID:2 alarm:NOSPACE");
      cluster.unhealthy("b");
      stageChange(host);
      expect(rollout(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: restart: an alarm is raised: memberID:2 alarm:NOSPACE ; to do: see docs/alarms.md, clear the alarm, and apply again",
        ],
      });
    });

    test.each([">&-", ">/dev/full"])(
      "and a change, when Terraform is gone and nobody reads the lines (%s): goes on to its end",
      (output) => {
        const host = clusterHost();
        runningHost(host);
        const before = pid(host);
        stageChange(host);
        const run = host.call(`exec 2>/dev/null ${output}; phase_rollout`, { PHASE: "rollout" });
        expect(run).toEqual({ code: 0, lines: [] });
        expect(pid(host)).toMatch(/^\d+$/);
        expect(pid(host)).not.toBe(before);
        expect(runsWithQuota(host)).toBe(true);
        expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
      },
    );

    test("and no running etcd: starts it with what is staged", () => {
      const host = clusterHost();
      runningHost(host);
      host.call("supervisorctl stop a");
      stageChange(host);
      expect(rollout(host).lines).toEqual([said("etcd is not running, starting it"), said("healthy")]);
      expect(runsWithQuota(host)).toBe(true);
      expectNeverNew(host);
    });

    test("killed between renaming and restarting: the next run restarts", () => {
      const host = clusterHost();
      runningHost(host);
      const before = pid(host);
      stageChange(host);
      host.call("activate");
      expect(pid(host)).toBe(before);
      expect(host.has(`${STARTUP}.next`)).toBe(false);
      expect(rollout(host).lines).toEqual([said("restarted"), said("healthy")]);
      expect(runsWithQuota(host)).toBe(true);
      // And only once.
      expect(rollout(host).lines).toEqual([said("healthy")]);
    });

    test("a member that does not become healthy fails, with the members that do not answer", () => {
      const host = newHost({ props: { ports: { client: 1 } } });
      const cluster = runningHost(host);
      cluster.unhealthy("a");
      host.write("/data/logs/etcd.log", "rejected connection: error\n");
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: not healthy after 60 s: https://127.0.0.2:1 does not answer; https://127.0.0.3:1 does not answer; rejected connection: error; to do: bring the named members back and apply again; the members after this one were not touched",
        ],
      });
    });

    test("an alarm after the restart stops the rollout before the next member", () => {
      const host = clusterHost();
      runningHost(host).alarm("memberID:2 alarm:CORRUPT");
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: an alarm is raised: memberID:2 alarm:CORRUPT ; to do: see docs/alarms.md, clear the alarm, and apply again",
        ],
      });
    });

    test("members of another cluster, and learners, are not waited for: each is named", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.healthy("c", { cluster: 78 });
      expect(rollout(host)).toEqual({
        code: 1,
        lines: ["a on host-a: rollout failed: the members are not all of one cluster; to do: see docs/lost-data.md"],
      });
      cluster.healthy("c", { learner: true });
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: a member is still a learner; to do: promote it (etcdctl member promote), and apply again",
        ],
      });
    });

    test("uploads that a killed Terraform left for this member are swept, and no others", () => {
      const host = clusterHost();
      runningHost(host);
      const old = new Date(Date.now() - 60_000);
      const upload = (name: string, text: string, age?: Date) => {
        host.write(`/tmp/${name}`, text);
        if (age) utimesSync(host.path(`/tmp/${name}`), age, age);
      };
      upload("terraform_1.sh", "set -eu\nMEMBER='a'\n", old);
      upload("terraform_2.sh", "set -eu\nMEMBER='ab'\n", old);
      upload("terraform_3.sh", "set -eu\nMEMBER='a'\n");
      upload("other_4.sh", "MEMBER='a'\n", old);
      upload("terraform_5.sh", "", old);
      upload("terraform_6.sh", "# MEMBER='a'\n", old);
      upload("deep/terraform_7.sh", "MEMBER='a'\n", old);
      expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
      expect(host.list("/tmp")).toEqual([
        "deep",
        "other_4.sh",
        "terraform_2.sh",
        "terraform_3.sh",
        "terraform_5.sh",
        "terraform_6.sh",
      ]);
      expect(host.list("/tmp/deep")).toEqual(["terraform_7.sh"]);
    });

    test("a member's name is no pattern when uploads are swept", () => {
      const host = clusterHost();
      const old = new Date(Date.now() - 60_000);
      for (const name of ["a.b", "a-b"]) {
        host.write(`/tmp/terraform_${name}.sh`, `MEMBER='${name}'\n`);
        utimesSync(host.path(`/tmp/terraform_${name}.sh`), old, old);
      }
      expect(host.call("MEMBER=a.b; sweep_uploads")).toEqual({ code: 0, lines: [] });
      expect(host.list("/tmp")).toEqual(["terraform_a-b.sh"]);
    });

    test("uploads that cannot be swept fail no rollout", () => {
      const host = clusterHost();
      runningHost(host);
      host.stub("find", "echo 'find: /tmp/terraform_1.sh: No such file or directory' >&2; exit 1");
      expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    });

    test("an alarm that makes this member unhealthy is named at once, not waited for", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.alarm("memberID:1 alarm:NOSPACE");
      cluster.unhealthy("a");
      const started = Date.now();
      expect(host.call("phase_rollout", { PHASE: "rollout" })).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: an alarm is raised: memberID:1 alarm:NOSPACE ; to do: see docs/alarms.md, clear the alarm, and apply again",
        ],
      });
      expect(Date.now() - started).toBeLessThan(10_000);
    });

    test("a founder whose first rollout this is has its life marked", () => {
      const host = clusterHost();
      runningHost(host);
      rmSync(host.path("/var/lib/cdktf-etcd/a/started"));
      rollout(host);
      expect(host.read("/var/lib/cdktf-etcd/a/started")).toBe(`${host.member.peerUrl}\n`);
    });
  });

  describe("without data", () => {
    function expectNothingStarted(host: Host): void {
      expect(host.has("/run/etcd.args")).toBe(false);
      expect(host.has("/var/lib/cdktf-etcd/a")).toBe(false);
      expectNeverNew(host);
    }

    test("and no cluster: refused, with the ways out", () => {
      const host = clusterHost();
      stagedHost(host);
      expect(rollout(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: no data and no cluster: /data/etcd is empty and no other member has a quorum; to do: bring a quorum of the other members back, or restore a snapshot; if this cluster never formed because its first deploy was killed, terraform apply -replace the bootstrap resource of this member",
        ],
      });
      expectNothingStarted(host);
    });

    test("and a cluster that knows this member: its data are lost, with the member to remove", () => {
      const host = clusterHost();
      const cluster = stagedHost(host);
      cluster.healthy("c");
      cluster.members(["8211f1d0f64f3269", "started", "a"], ["2", "started", "b"], ["3", "started", "c"]);
      expect(rollout(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: data lost: the cluster knows this member, but /data/etcd is empty; replacing a member is not supported yet; to do: on another member: etcdctl member remove 8211f1d0f64f3269; see docs/lost-data.md",
        ],
      });
      expectNothingStarted(host);
    });

    test("and a cluster that does not know this member: joining comes later", () => {
      const host = clusterHost();
      const cluster = stagedHost(host);
      cluster.healthy("b");
      cluster.members(["2", "started", "b"], ["3", "started", "c"]);
      expect(rollout(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: rollout refused: not a member: the cluster runs without https://127.0.0.1:2380; joining a running cluster is not supported yet; to do: take the member out of the program",
        ],
      });
      expectNothingStarted(host);
    });
  });
});
