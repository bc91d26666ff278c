import { X509Certificate } from "node:crypto";
import type { Host } from "../support/host";
import { answerHandshakes, HEALTH, phase, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";
import { makePki } from "../support/test-pki";

const pki = makePki();
/** Until when that leaf is valid, as the table has it. */
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
  const clusterHost = () => newHost({ props: { ports: { client: 2379 } } });
  const health = (host: Host) => phase(host, "health", HEALTH);
  /** The cluster of a host that can speak TLS; a handshake with `c` fails. */
  const running = (host: Host) => {
    host.write("/leaf.pem", pki.cert);
    answerHandshakes(host, `case $1 in 127.0.0.[12]:*) cat '${host.path("/leaf.pem")}' ;; *) exit 1 ;; esac`);
    return runningHost(host);
  };

  test("a healthy cluster is a table, by name, with its leader", () => {
    const host = clusterHost();
    running(host);
    expect(health(host)).toEqual({
      code: 0,
      lines: [
        HEADER,
        row("a", "1", "follower", "healthy", "3.6.14", "20480", "https://127.0.0.1:2379"),
        row("b", "2", "leader", "healthy", "3.6.14", "20480", "https://127.0.0.2:2379"),
        row("c", "3", "follower", "healthy", "3.6.14", "20480", "https://127.0.0.3:2379", "-"),
      ],
    });
  });

  test("a member that is not healthy is in the table, with no state of its own, and the phase fails", () => {
    const host = clusterHost();
    running(host).unhealthy("c");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines.slice(3)).toEqual([
      row("c", "3", "-", "UNHEALTHY", "-", "-", "https://127.0.0.3:2379", "-"),
      "a on host-a: health failed: not healthy: c (https://127.0.0.3:2380); to do: see the log of each in /data/logs; one that supervisor has stopped is started by terraform apply -replace='null_resource.rollout_c'",
    ]);
  });

  test("an etcd that runs on another member's data is named: it is healthy, and as that one", () => {
    const host = clusterHost();
    const cluster = running(host);
    cluster.status("b", { id: 3 });
    cluster.status("c", { id: 2 });
    expect(health(host).lines.at(-1)).toBe(
      "a on host-a: health failed: the etcd at https://127.0.0.2:2379 is not b, as the cluster has it, but the member 3: it runs on the data of that one; to do: bring each member's own disks or directories back to its host; see docs/lost-data.md",
    );
  });

  test("what was staged and not rolled out is named, since Terraform may have recorded a rollout that it was killed in", () => {
    const host = clusterHost();
    const cluster = running(host);
    host.call("accepts_connections() { :; }; note_due");
    expect(cluster.due()).toEqual([host.member.peerUrl]);
    expect(health(host).lines.at(-1)).toBe(
      `a on host-a: health failed: what is staged was not rolled out: ${host.member.peerUrl} ; to do: see that nobody else deploys, then terraform apply -replace='null_resource.rollout_a'`,
    );
    host.call("accepts_connections() { :; }; forget_due");
    expect(health(host).code).toBe(0);
  });

  test("a desired member that the cluster does not have is in the table, and the phase fails", () => {
    const host = clusterHost();
    const cluster = running(host);
    cluster.members(["1", "started", "a"], ["2", "started", "b"]);
    cluster.unhealthy("c");
    const run = health(host);
    expect(run.lines[3]).toBe(row("c", "-", "-", "UNHEALTHY", "-", "-", "-", "-"));
    expect(run.lines[4]).toBe(
      "a on host-a: health failed: not in the cluster: https://127.0.0.3:2380 ; to do: terraform apply -replace='null_resource.rollout_c'",
    );
    expect(run.code).toBe(1);
  });

  test("members of two clusters are told apart", () => {
    const host = clusterHost();
    running(host).healthy("c", { cluster: 78 });
    expect(health(host)).toMatchObject({
      code: 1,
      lines: expect.arrayContaining([
        "a on host-a: health failed: the members are of 2 clusters; to do: see docs/lost-data.md",
      ]),
    });
  });

  test("an alarm fails, after the table", () => {
    const host = clusterHost();
    running(host).alarm("memberID:1 alarm:NOSPACE");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines).toHaveLength(5);
    expect(run.lines.at(-1)).toBe(
      "a on host-a: health failed: an alarm is raised: memberID:1 alarm:NOSPACE ; to do: see docs/alarms.md",
    );
  });

  test("an alarm is named before the health, since etcdctl calls a member with an alarm unhealthy", () => {
    const host = clusterHost();
    const cluster = running(host);
    cluster.alarm("memberID:3 alarm:NOSPACE");
    cluster.unhealthy("c");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines.slice(3)).toEqual([
      row("c", "3", "-", "UNHEALTHY", "-", "-", "https://127.0.0.3:2379", "-"),
      "a on host-a: health failed: an alarm is raised: memberID:3 alarm:NOSPACE ; to do: see docs/alarms.md",
    ]);
  });

  test("a member that was added by hand is not taken out by a deploy that changes no members, but named", () => {
    const host = clusterHost();
    const cluster = running(host);
    expect(health(host).code).toBe(0);
    cluster.members("a", "b", "c", "d");
    cluster.healthy("d");
    const run = health(host);
    expect(run.code).toBe(1);
    expect(run.lines.at(-1)).toBe(
      "a on host-a: health failed: the cluster has d (https://127.0.0.4:2380), which the program does not name, nor did it before; to do: add it to the program, or take it out by etcdctl member remove",
    );
    expect(cluster.changes()).toEqual([]);
  });

  test("a deploy with an older list of members than the last one's is refused", () => {
    const host = clusterHost();
    const cluster = running(host);
    for (const MEMBERSHIP of ["1", "2"]) expect(phase(host, "health", { ...HEALTH, MEMBERSHIP }).code).toBe(0);
    cluster.members("a", "b", "c", "d");
    expect(phase(host, "health", { ...HEALTH, MEMBERSHIP: "1" })).toEqual({
      code: 3,
      lines: [
        "a on host-a: health refused: stale: another deploy has changed the members since the one that this state knows of; to do: deploy with the newest state and program",
      ],
    });
    expect(cluster.changes()).toEqual([]);
  });

  test("no answer from this member fails", () => {
    const host = clusterHost();
    running(host);
    host.write("/opt/etcd-v3.6.14/etcdctl", "#!/bin/sh\necho 'Error: context deadline exceeded' >&2\nexit 1\n", 0o755);
    expect(health(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: health failed: member list: no answer from https://127.0.0.1:2379: Error: context deadline exceeded; to do: bring a quorum of the members back, and apply again",
      ],
    });
  });
});
