import { X509Certificate } from "node:crypto";
import { sha256 } from "../support/archive";
import { listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { answerHandshakes, HEALTH as OF_HEALTH, phase, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";
import { EtcdBackups, EtcdDefragmentation } from "../../src/settings";
import { makePki } from "../support/test-pki";

const pki = makePki();
const leaves = (...pems: string[]) => pems.map((pem, i) => `${"abc"[i]}=${sha256(Buffer.from(pem))}`).join();
const HEALTH = { ...OF_HEALTH, LEAVES: leaves(pki.cert, pki.cert, pki.cert) };
let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4");
});
afterAll(() => all.close());
/** The client URL of the host with this last number. */
const client = (host: number) => `https://127.0.0.${host}:${all.port}`;

/** The end of that leaf's validity, as the table shows it. */
const END = `to ${new Date(new X509Certificate(pki.cert).validTo).toISOString().slice(0, 10)}`;

const HEADER =
  "MEMBER                   ID                 STATE     HEALTH    VERSION     DB SIZE  CERTIFICATE   ENDPOINT";
const row = (
  name: string,
  id: string,
  state: string,
  health = "healthy",
  version = "3.6.14",
  size = "20480",
  endpoint = "",
  certificate = END,
) =>
  `${name.padEnd(24)} ${id.padEnd(18)} ${state.padEnd(9)} ${health.padEnd(9)} ${version.padEnd(8)} ${size.padStart(10)}  ${certificate.padEnd(13)} ${endpoint}`;

inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: all.port } } });
  const health = (host: Host) => phase(host, "health", HEALTH);
  /** A running cluster in which TLS handshakes with `a` and `b` succeed and a handshake with `c` fails. */
  const running = (host: Host) => {
    host.write("/leaf.pem", pki.cert);
    answerHandshakes(host, `case $1 in 127.0.0.[12]:*) cat '${host.path("/leaf.pem")}' ;; *) exit 1 ;; esac`);
    return runningHost(host);
  };

  test("a healthy cluster is printed as a table, sorted by name, with its leader", () => {
    const host = clusterHost();
    running(host);
    expect(health(host)).toEqual({
      code: 0,
      lines: [
        HEADER,
        row("a", "1", "follower", "healthy", "3.6.14", "20480", client(1)),
        row("b", "2", "leader", "healthy", "3.6.14", "20480", client(2)),
        row("c", "3", "follower", "healthy", "3.6.14", "20480", client(3), "-"),
      ],
    });
  });

  test("a member that serves another certificate than this deploy's, as if its stage was killed, is a failure", () => {
    const host = clusterHost();
    running(host);
    const other = { ...HEALTH, LEAVES: leaves(pki.cert, pki.renewed.cert, pki.renewed.cert) };
    expect(phase(host, "health", other)).toMatchObject({
      code: 1,
      lines: expect.arrayContaining([
        "a on host-a: health failed: another certificate than that of this deploy is served by b; to do: make sure that nobody else deploys, then run terraform apply -replace='null_resource.stage_b'",
      ]),
    });
  });

  describe("the backups", () => {
    const lines = (answer: string) => {
      const host = newHost({ props: { ports: { client: all.port }, backups: EtcdBackups.onHosts() } });
      running(host).on("get", `case $last in cdktf-etcd/backup/) printf '%s\\n' ${answer}; exit ;; esac`);
      return health(host).lines.filter((line) => line.includes("backups"));
    };
    const at = (secondsAgo: number) => Math.floor(Date.now() / 1000) - secondsAgo;
    const done = (secondsAgo: number) =>
      `cdktf-etcd/backup/done 'at=${at(secondsAgo)} member=b revision=7 bytes=20512 file=/backups/b.db'`;

    test("the last good one is under the table, with its age", () => {
      expect(lines(done(200))).toEqual([
        "a on host-a: health: backups: the last good one was taken 3 minutes ago on b: /backups/b.db (revision 7, 20512 bytes)",
      ]);
    });

    test("a warning says that none was taken for twice the time, and what has failed", () => {
      expect(lines(`${done(7300)} cdktf-etcd/backup/failed/c 'at=${at(60)} reason=no space'`).slice(1)).toEqual([
        "a on host-a: health: WARNING: backups: no good one for 121 minutes, and one is due every 60 minutes",
        "a on host-a: health: WARNING: backups: the last one on c failed 1 minutes ago: no space",
      ]);
    });

    test("a warning says that the host which has taken the last one has another time", () => {
      expect(lines(done(-7300))).toEqual([
        "a on host-a: health: WARNING: backups: the last good one was taken on b, whose clock was 121 minutes ahead of that of this host: /backups/b.db (revision 7, 20512 bytes)",
      ]);
      // Clocks that differ by less do no harm.
      expect(lines(done(-30))[0]).toContain("backups: the last good one was taken 0 minutes ago on b");
    });

    test("before the first one, the line says when it comes", () => {
      expect(lines("")).toEqual([
        "a on host-a: health: backups: none has been taken yet; the first one is due now, and then one every 60 minutes",
      ]);
    });
  });

  test("the last defragmentation of each member of the program is under the table", () => {
    const host = newHost({ props: { ports: { client: all.port }, defragmentation: EtcdDefragmentation.onHosts() } });
    const at = (secondsAgo: number) => Math.floor(Date.now() / 1000) - secondsAgo;
    const answer = [
      `cdktf-etcd/defragmentation/a 'at=${at(200)} before=900 after=300 seconds=2'`,
      `cdktf-etcd/defragmentation/b 'at=${at(7300)} reason=etcd did not do it: no space'`,
      `cdktf-etcd/defragmentation/gone 'at=${at(60)} before=9 after=3 seconds=2'`,
    ];
    running(host).on(
      "get",
      `case $last in cdktf-etcd/defragmentation/) printf '%s\\n' ${answer.join(" ")}; exit ;; esac`,
    );
    expect(health(host).lines.filter((line) => line.includes("defragmentation"))).toEqual([
      "a on host-a: health: defragmentation: a 3 minutes ago: 900 → 300 bytes in 2 s",
      "a on host-a: health: WARNING: defragmentation: b failed 121 minutes ago: etcd did not do it: no space",
    ]);
  });

  test("a member that is not healthy is in the table without a state, and the phase fails", () => {
    const host = clusterHost();
    running(host).unhealthy("c");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines.slice(3)).toEqual([
      row("c", "3", "-", "UNHEALTHY", "-", "-", client(3), "-"),
      "a on host-a: health failed: not healthy: c (https://127.0.0.3:2380); to do: see the log of each in /data/logs; to start a member that supervisor has stopped, run terraform apply -replace='null_resource.rollout_c'",
    ]);
  });

  test("an etcd that runs on another member's data is reported, although it is healthy as that member", () => {
    const host = clusterHost();
    const cluster = running(host);
    cluster.status("b", { id: 3 });
    cluster.status("c", { id: 2 });
    expect(health(host).lines.at(-1)).toBe(
      `a on host-a: health failed: the etcd at ${client(2)} should be b, but it is the member 3: it runs on that member's data; to do: bring each member's own disks or directories back to its host; see docs/lost-data.md#a-disk-in-the-wrong-host`,
    );
  });

  test("what was staged but not rolled out is reported, because Terraform may have recorded a rollout during which it was killed", () => {
    const host = clusterHost();
    const cluster = running(host);
    host.call("accepts_connections() { :; }; note_due");
    expect(cluster.due()).toEqual([host.member.peerUrl]);
    expect(health(host).lines.at(-1)).toBe(
      `a on host-a: health failed: what is staged was not rolled out: ${host.member.peerUrl}; to do: make sure that nobody else deploys, then run terraform apply -replace='null_resource.rollout_a'`,
    );
    host.call("accepts_connections() { :; }; forget_due");
    expect(health(host).code).toBe(0);
  });

  test("a command that replaces resources has those of the named members alone: a.b is not a-b", () => {
    const call = "replacing_of a.b=null_resource.stage_x,a-b=null_resource.stage_y,b=null_resource.stage_z a.b b";
    expect(newHost().call(call).lines).toEqual([
      "terraform apply -replace='null_resource.stage_x' -replace='null_resource.stage_z'",
    ]);
  });

  test("a member in the program that the cluster does not have is in the table, and the phase fails", () => {
    const host = clusterHost();
    const cluster = running(host);
    cluster.members(["1", "started", "a"], ["2", "started", "b"]);
    cluster.unhealthy("c");
    const run = health(host);
    expect(run.lines[3]).toBe(row("c", "-", "-", "UNHEALTHY", "-", "-", "-", "-"));
    expect(run.lines[4]).toBe(
      "a on host-a: health failed: not in the cluster: https://127.0.0.3:2380; to do: terraform apply -replace='null_resource.rollout_c'",
    );
    expect(run.code).toBe(1);
  });

  test("members that belong to two clusters are reported", () => {
    const host = clusterHost();
    running(host).healthy("c", { cluster: 78 });
    expect(health(host)).toMatchObject({
      code: 1,
      lines: expect.arrayContaining([
        `a on host-a: health failed: the members belong to 2 clusters: https://127.0.0.1:${all.port} in 4d, https://127.0.0.2:${all.port} in 4d, https://127.0.0.3:${all.port} in 4e; to do: see docs/lost-data.md#the-members-are-of-two-clusters`,
      ]),
    });
  });

  test("an alarm fails the phase, after the table", () => {
    const host = clusterHost();
    running(host).alarm("memberID:1 alarm:NOSPACE");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines).toHaveLength(5);
    expect(run.lines.at(-1)).toBe(
      "a on host-a: health failed: an alarm is raised: NOSPACE of a (https://127.0.0.1:2380); to do: make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again",
    );
  });

  test("an alarm is reported instead of an unhealthy member, because etcdctl calls a member with an alarm unhealthy", () => {
    const host = clusterHost();
    const cluster = running(host);
    cluster.alarm("memberID:3 alarm:NOSPACE");
    cluster.unhealthy("c");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines.slice(3)).toEqual([
      row("c", "3", "-", "UNHEALTHY", "-", "-", client(3), "-"),
      "a on host-a: health failed: an alarm is raised: NOSPACE of c (https://127.0.0.3:2380); to do: make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again",
    ]);
  });

  test("a member that was added by hand is reported but not removed by a deploy that changes no members", () => {
    const host = clusterHost();
    const cluster = running(host);
    expect(health(host).code).toBe(0);
    cluster.members("a", "b", "c", "d");
    cluster.healthy("d");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines.at(-1)).toBe(
      "a on host-a: health failed: the cluster has d (https://127.0.0.4:2380), which the program does not name and has never named; to do: add it to the program, or run '. /opt/etcd/etcdctl.env; etcdctl member remove 4'",
    );
    expect(cluster.changes()).toEqual([]);
  });

  test("a deploy whose list of members is older than that of the last deploy is refused", () => {
    const host = clusterHost();
    const cluster = running(host);
    for (const MEMBERSHIP of ["1", "2"]) expect(phase(host, "health", { ...HEALTH, MEMBERSHIP }).code).toBe(0);
    cluster.members("a", "b", "c", "d");
    expect(phase(host, "health", { ...HEALTH, MEMBERSHIP: "1" })).toEqual({
      code: 3,
      lines: [
        "a on host-a: health refused: stale: another deploy has changed the list of members since the last deploy of this state; to do: deploy with the newest state and program; if that state is lost, see docs/two-deploys.md#with-an-old-copy-of-the-state",
      ],
    });
    expect(cluster.changes()).toEqual([]);
  });

  test("the phase fails if this member does not answer", () => {
    const host = clusterHost();
    running(host);
    host.write("/opt/etcd-v3.6.14/etcdctl", "#!/bin/sh\necho 'Error: context deadline exceeded' >&2\nexit 1\n", 0o755);
    expect(health(host)).toEqual({
      code: 1,
      lines: [
        `a on host-a: health failed: member list: no answer from ${client(1)}: Error: context deadline exceeded; to do: bring a quorum of the members back, and apply again`,
      ],
    });
  });
});
