import { renameSync, rmSync } from "node:fs";
import { FakeCluster, installBinaries, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { phase, pid, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const TOKEN = "6021458379";
const said = (text: string) => `a on host-a: bootstrap: ${text}`;

let others: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  others = await listenOn("127.0.0.2", "127.0.0.3");
});
afterAll(() => others.close());

const founders = (host: Host) => host.cluster.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
const bootstrap = (host: Host, data = {}) =>
  phase(host, "bootstrap", { FOUNDERS: founders(host), CLUSTER_TOKEN: TOKEN, ...data });

/** How etcd was started last, by its flags; undefined when it was not. */
function startedAs(host: Host): string[] | undefined {
  if (!host.has("/run/etcd.args")) return undefined;
  return host
    .read("/run/etcd.args")
    .split("\n")
    .filter((argument) => argument.startsWith("--initial-cluster"));
}

const asNew = (host: Host) => [
  `--initial-cluster=${founders(host)}`,
  "--initial-cluster-state=new",
  `--initial-cluster-token=${TOKEN}`,
];

inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: others.port } } });

  function expectFounded(host: Host, run: ReturnType<typeof bootstrap>): void {
    expect(run).toEqual({ code: 0, lines: [said(`started as a founder of the new cluster ${TOKEN}`)] });
    expect(startedAs(host)).toEqual(asNew(host));
    expect(host.read("/var/lib/cdktf-etcd/a/started")).toBe(`${host.member.peerUrl}\n`);
    expect(pid(host)).toMatch(/^\d+$/);
  }

  function expectLeftAlone(host: Host, run: ReturnType<typeof bootstrap>, line: string): void {
    expect(run).toEqual({ code: 0, lines: [said(line)] });
    expect(startedAs(host)).toBeUndefined();
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    expect(host.has("/data/etcd")).toBe(false);
  }

  test("no data, no cluster, a founder, no earlier life: starts as new, under the cluster's token", () => {
    const host = clusterHost();
    stagedHost(host);
    expectFounded(host, bootstrap(host));
  });

  test("what asked for the first start is gone once there are data, so a lost disk never repeats it", () => {
    const host = clusterHost();
    stagedHost(host);
    bootstrap(host);
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    expect(host.has("/opt/etcd-v3.6.14/first-start.env")).toBe(false);
    // The first start was with the configuration in place: there is nothing to restart for.
    expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
  });

  test("the others answer, but have no quorum: starts as new, for they wait for this one", () => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    cluster.unhealthy("b");
    expectFounded(host, bootstrap(host));
  });

  test("the others were quicker and have a quorum, in which this founder has never started: starts as new", () => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    cluster.healthy("b");
    cluster.members(["1", "unstarted", "a"], ["2", "started", "b"], ["3", "started", "c"]);
    expectFounded(host, bootstrap(host));
  });

  test("the cluster lives and has seen this member started: its data are lost, and rollout decides", () => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    cluster.healthy("c");
    cluster.members(["1", "started", "a"], ["2", "started", "b"], ["3", "started", "c"]);
    expectLeftAlone(host, bootstrap(host), "the cluster lives without this member: rollout decides");
  });

  test("the cluster lives and knows nothing of this member: rollout decides", () => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    cluster.healthy("b");
    cluster.members(["2", "started", "b"], ["3", "started", "c"]);
    expectLeftAlone(host, bootstrap(host), "the cluster lives without this member: rollout decides");
  });

  test("a mark of an earlier life and no data: it may not found anything", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
    expectLeftAlone(
      host,
      bootstrap(host),
      "had a life before and its data are gone, it may not found anything: rollout decides",
    );
  });

  test.each([
    ["a member that came later", (host: Host) => founders(host).replace(/^a=[^,]*,/, "")],
    [
      "a founder that moved to another address",
      (host: Host) => founders(host).replace("127.0.0.1:2380", "127.0.0.9:2380"),
    ],
    ["a founder by another name", (host: Host) => founders(host).replace("a=", "aa=")],
    [
      "a founder whose URL only starts the same",
      (host: Host) => founders(host).replace("127.0.0.1:2380", "127.0.0.1:23800"),
    ],
  ])("%s is no founder: rollout decides", (_, others) => {
    const host = clusterHost();
    stagedHost(host);
    expectLeftAlone(host, bootstrap(host, { FOUNDERS: others(host) }), "not a founder: rollout decides");
  });

  test("data and a running etcd: nothing to found, nothing restarted", () => {
    const host = clusterHost();
    runningHost(host);
    const before = pid(host);
    expect(bootstrap(host)).toEqual({ code: 0, lines: [said("has data of its own, nothing to found")] });
    expect(pid(host)).toBe(before);
    expect(host.calls("supervisorctl")).toEqual([]);
  });

  test("data and no running etcd: it is started with its data, and never as new", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/data/etcd/member/wal/0.wal", "");
    expect(bootstrap(host)).toEqual({ code: 0, lines: [said("has data of its own, nothing to found")] });
    expect(startedAs(host)?.[1]).toBe("--initial-cluster-state=existing");
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(true);
  });

  test("data and no running etcd, of a member that the cluster has taken out: not started, rollout decides", () => {
    const host = clusterHost();
    const cluster = stagedHost(host);
    host.write("/data/etcd/member/wal/0.wal", "");
    cluster.members("b", "c");
    cluster.healthy("bc");
    expect(bootstrap(host)).toEqual({
      code: 0,
      lines: [said("the cluster has taken this member out: rollout decides")],
    });
    expect(startedAs(host)).toBeUndefined();
    expect(host.calls("supervisorctl")).toEqual([]);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });

  test("an etcd that does not start fails with its last words, and the next run starts it", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/opt/etcd/etcd", "#!/no/such/interpreter\n", 0o755);
    expect(bootstrap(host)).toEqual({
      code: 1,
      lines: [
        expect.stringMatching(
          /^a on host-a: bootstrap failed: etcd does not start: .*\/opt\/etcd\/etcd: (?:not found|bad interpreter: No such file or directory|cannot execute: required file not found); to do: see \/data\/logs\/etcd\.log; forward: correct the cause, and apply again; back: /,
        ),
      ],
    });
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(false);
    // Supervisor has given it up: otherwise it might start it before the next run does.
    host.call("supervisorctl stop a");
    installBinaries(host);
    expectFounded(host, bootstrap(host));
  });

  test("an etcd that writes no data fails with the last complaint in its log, and has had no life", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/run/stuck", "a fatal thing happened\nand then this\n");
    expect(bootstrap(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: bootstrap failed: etcd wrote no data: a fatal thing happened; to do: see /data/logs/etcd.log, correct the cause, and apply again",
      ],
    });
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(false);
  });

  test.each(["etcd", "etcd/etcd", "etcd/certs", "etcd/certs/etcd-peer-key.pem", "etcd/etcd-server-startup.sh"])(
    "a stage that was killed before %s was there is asked for again",
    (missing) => {
      const host = clusterHost();
      stagedHost(host);
      rmSync(host.path(`/opt/${missing}`));
      expect(bootstrap(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: bootstrap failed: this member was not staged, though Terraform has recorded it: it was killed in the middle; to do: terraform apply -replace the stage resource of this member",
        ],
      });
      expect(startedAs(host)).toBeUndefined();
    },
  );

  test("a startup script that still waits beside is as good as one in place", () => {
    const host = clusterHost();
    stagedHost(host);
    const startup = host.path("/opt/etcd-v3.6.14/etcd-server-startup.sh");
    renameSync(startup, `${startup}.next`);
    expectFounded(host, bootstrap(host));
  });

  test("on RHEL as on Debian", () => {
    const host = clusterHost();
    stagedHost(host, "rhel");
    expectFounded(host, bootstrap(host));
  });

  test("this founder's entry is looked at by its exact peer URL", () => {
    const host = clusterHost();
    stagedHost(host);
    const cluster = new FakeCluster(host);
    cluster.healthy("b");
    host.write(
      "/run/cluster/members",
      "1, unstarted, , https://127.0.0.10:2380, , false\n2, started, b, https://127.0.0.2:2380, https://127.0.0.2:2379, false\n",
    );
    const { clientUrl } = host.cluster.members[1];
    const awaits = () => host.call(`live='${clientUrl}'; awaits_this_founder && echo awaited || echo no`).lines;
    expect(awaits()).toEqual(["no"]);
    cluster.members(["1", "unstarted", "a"], "b");
    expect(awaits()).toEqual(["awaited"]);
    cluster.members("a", "b");
    expect(awaits()).toEqual(["no"]);
  });
});
