import { symlinkSync } from "node:fs";
import { FakeCluster, installBinaries, listenOn } from "../support/fake-etcd";
import { type Host, RECORD } from "../support/host";
import { inEachShell } from "../support/shells";

/** The output of `endpoint status -w json` from each of these versions. */
const STATUS = {
  "3.1.20":
    '[{"Endpoint":"https://10.4.7.12:2379","Status":{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":1,"raft_term":2},"version":"3.1.20","dbSize":24576,"leader":10276657743932975437,"raftIndex":4,"raftTerm":2}}]',
  "3.4.23":
    '[{"Endpoint":"https://10.4.7.12:2379","Status":{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":7,"raft_term":2},"version":"3.4.23","dbSize":20480,"leader":9372538179322589801,"raftIndex":13,"raftTerm":2,"raftAppliedIndex":13,"dbSizeInUse":16384}},{"Endpoint":"https://10.4.7.21:2379","Status":{"header":{"cluster_id":14841639068965178418,"member_id":9372538179322589801,"revision":7,"raft_term":2},"version":"3.4.23","dbSize":20480,"leader":9372538179322589801,"raftIndex":13,"raftTerm":2,"raftAppliedIndex":13,"dbSizeInUse":16384}}]',
  "3.6.14":
    '[{"Endpoint":"https://[fd00::12]:2379","Status":{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":7,"raft_term":3},"version":"3.6.14","dbSize":20480,"leader":9372538179322589801,"raftIndex":13,"raftTerm":3,"raftAppliedIndex":13,"errors":["etcdserver: no space"],"dbSizeInUse":16384,"isLearner":true,"storageVersion":"3.6.0","dbSizeQuota":2147483648,"downgradeInfo":{}}}]',
};

const CERTS =
  "--cacert=/opt/etcd/certs/ca.pem --cert=/opt/etcd/certs/etcd-peer.pem --key=/opt/etcd/certs/etcd-peer-key.pem";

/** Makes the host's etcdctl print this text. */
function etcdctlPrints(host: Host, text: string): Host {
  host.write("/answer", text);
  host.write(
    "/opt/etcd/etcdctl",
    `#!/bin/sh\necho "$@" >>'${host.path("/asked")}'\ncat '${host.path("/answer")}'\n`,
    0o755,
  );
  return host;
}

let others: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  others = await listenOn("127.0.0.2", "127.0.0.3");
});
afterAll(() => others.close());

inEachShell((newHost) => {
  test("etcdctl uses the member's own certificate and short time limits", () => {
    const host = etcdctlPrints(newHost(), "");
    host.call('etcdctl_at "https://10.4.7.12:2379" member list');
    expect(host.read("/asked").split(host.root).join("")).toBe(
      `--endpoints=https://10.4.7.12:2379 ${CERTS} --dial-timeout=3s --command-timeout=5s member list\n`,
    );
  });

  test("every call of etcdctl has a time limit, which is longer for a snapshot", () => {
    const host = etcdctlPrints(newHost(), "");
    host.stub("timeout", `${RECORD}; exit 124`);
    const one = "https://10.4.7.12:2379";
    const call = (text: string) => host.call(`etcdctl_at ${text} || echo "code $?"`).lines;
    expect(call(`${one} txn`)).toEqual([`etcdctl got no answer from ${one} within 15 s`, "code 124"]);
    expect(call(`${one} lease keep-alive --once 1`)).toContain("code 124");
    expect(call(`${one},https://10.4.7.21:2379 endpoint status`)).toContain("code 124");
    expect(call(`${one} --command-timeout=600s snapshot save x`)).toContain("code 124");
    const limits = host.calls("timeout").map((line) => line.split(" ").slice(0, 4).join(" "));
    expect(limits).toEqual(["15", "15", "45", "615"].map((seconds) => `--foreground -k 2 ${seconds}`));
  });

  test.each([
    ["3.1.20", "3"],
    ["3.3.27", "3"],
    ["3.4.23", ""],
    ["3.6.14", ""],
    ["3.10.0", ""],
  ])("etcdctl %s gets ETCDCTL_API=%s, by the installed version and not by the wanted one", (version, api) => {
    const host = newHost();
    host.write(`/opt/etcd-v${version}/etcdctl`, `#!/bin/sh\necho "$ETCDCTL_API"\n`, 0o755);
    symlinkSync(`etcd-v${version}`, host.path("/opt/etcd"));
    expect(host.call("etcdctl_at x member list").lines).toEqual([api]);
  });

  test.each([
    [
      "3.1.20",
      ["https://10.4.7.12:2379 14841639068965178418 10276657743932975437 10276657743932975437 3.1.20 24576 4 - -"],
    ],
    [
      "3.4.23",
      [
        "https://10.4.7.12:2379 14841639068965178418 10276657743932975437 9372538179322589801 3.4.23 20480 13 16384 -",
        "https://10.4.7.21:2379 14841639068965178418 9372538179322589801 9372538179322589801 3.4.23 20480 13 16384 -",
      ],
    ],
    [
      "3.6.14",
      [
        "https://[fd00::12]:2379 14841639068965178418 10276657743932975437 9372538179322589801 3.6.14 20480 13 16384 true",
      ],
    ],
  ] as const)("the status that etcdctl %s prints is read as one line per endpoint", (version, lines) => {
    const host = etcdctlPrints(newHost(), STATUS[version]);
    expect(host.call("endpoint_status x")).toEqual({ code: 0, lines });
    // Some versions print a newline at the end.
    host.write("/answer", `${STATUS[version]}\n`);
    expect(host.call("endpoint_status x").lines).toEqual(lines);
  });

  test("a member cannot move the words of its status by its version, or have the shell count with other than numbers", () => {
    const version = "3.4.23 IFS[$(touch$IFS.evil)] 1 2 true";
    const answer = STATUS["3.4.23"]
      .replace('"3.4.23"', `"${version}"`)
      .replace('"raftIndex":13', '"raftIndex":-1')
      .replace('"dbSizeInUse":16384', '"dbSizeInUse":9223372036854775807');
    const host = etcdctlPrints(newHost(), answer);
    const text = `cd "${host.root}"; endpoint_status x | sed -n 1p; endpoint_status x | while read -r _ _ _ _ _ size _; do : $((size / 10)); done; ls -a | grep evil || true`;
    expect(host.call(text)).toEqual({
      code: 0,
      lines: [
        "https://10.4.7.12:2379 14841639068965178418 10276657743932975437 9372538179322589801 3.4.23?IFS[??touch?IFS.evil?]?1?2?true 20480 - - -",
      ],
    });
  });

  test("no answer gives no output", () => {
    expect(etcdctlPrints(newHost(), "").call("endpoint_status x").lines).toEqual([]);
  });

  test("a leader is distinguished from a follower by its whole ID", () => {
    const host = etcdctlPrints(newHost(), STATUS["3.1.20"]);
    const role =
      'CLIENT_URL=https://10.4.7.12:2379; is_leader "$CLIENT_URL" && echo leader; is_follower && echo follower; true';
    expect(host.call(role).lines).toEqual(["leader"]);
    // The two IDs differ by one, so that they would be equal as floating-point numbers.
    host.write("/answer", STATUS["3.1.20"].replace('"leader":10276657743932975437', '"leader":10276657743932975438'));
    expect(host.call(role).lines).toEqual(["follower"]);
  });

  test("of several members that answer, the one that was asked for leads or does not", () => {
    const host = etcdctlPrints(newHost(), STATUS["3.4.23"]);
    const leads = (url: string) => host.call(`is_leader ${url} && echo leader; true`).lines;
    expect(leads("https://10.4.7.12:2379")).toEqual([]);
    expect(leads("https://10.4.7.21:2379")).toEqual(["leader"]);
    expect(leads("https://10.4.7.22:2379")).toEqual([]);
  });

  test("a member that has no leader or does not answer is neither a leader nor a follower", () => {
    const host = etcdctlPrints(newHost(), STATUS["3.1.20"].replace('"leader":10276657743932975437,', ""));
    const role = 'is_leader "$(own_url)" && echo leader; is_follower && echo follower; true';
    expect(host.call(role).lines).toEqual([]);
    host.write("/answer", "");
    expect(host.call(role).lines).toEqual([]);
  });

  test("the other endpoints are all except the member's own", () => {
    const host = newHost({ props: { ports: { client: 2379 } } });
    expect(host.call("other_endpoints").lines).toEqual(["https://127.0.0.2:2379", "https://127.0.0.3:2379"]);
    expect(host.call('ENDPOINTS=$CLIENT_URL; other_endpoints; echo "code $?"').lines).toEqual(["code 0"]);
  });

  test("accepts_connections tells whether something listens on a port, also on IPv6", () => {
    const host = newHost();
    const { port } = others;
    expect(host.call(`accepts_connections https://127.0.0.2:${port} && echo yes`).lines).toEqual(["yes"]);
    expect(host.call(`accepts_connections https://127.0.0.1:${port} || echo no`).lines).toEqual(["no"]);
    host.stub("timeout", 'shift 4; echo "$@"');
    expect(host.call("accepts_connections 'https://[fd00::12]:2379'").lines).toEqual(["fd00::12 2379"]);
  });

  test("the cluster is alive if a linearizable read succeeds through any of the other members", () => {
    const host = newHost({ props: { ports: { client: others.port } } });
    installBinaries(host);
    const cluster = new FakeCluster(host);
    expect(host.call("live_endpoint || echo none").lines).toEqual(["none"]);
    cluster.healthy("a"); // its own answer does not count
    expect(host.call("live_endpoint || echo none").lines).toEqual(["none"]);
    cluster.healthy("c");
    expect(host.call("live_endpoint").lines).toEqual([`https://127.0.0.3:${others.port}`]);
    cluster.healthy("b");
    expect(host.call("live_endpoint").lines).toEqual([`https://127.0.0.2:${others.port}`]);
  });

  test.each(["exits with 1", "exits with 0, as until 3.1"])(
    "health is read correctly from an etcdctl that %s for an endpoint that is not healthy",
    (how) => {
      const host = newHost({ props: { ports: { client: others.port } } });
      installBinaries(host);
      const cluster = new FakeCluster(host);
      if (how.includes("0")) cluster.exitsWithZero();
      cluster.healthy("b");
      const ask = (name: string) => `is_healthy ${host.cluster.members["abc".indexOf(name)].clientUrl} && echo ${name}`;
      expect(host.call(`${ask("a")}; ${ask("b")}; true`).lines).toEqual(["b"]);
      expect(host.call('unhealthy_of "$(echo "$ENDPOINTS" | tr , "\\n")"')).toEqual({
        code: 0,
        lines: [`https://127.0.0.1:${others.port}`, `https://127.0.0.3:${others.port}`],
      });
      expect(host.call(`unhealthy_of https://127.0.0.2:${others.port}`)).toEqual({ code: 0, lines: [] });
      expect(host.call("unhealthy_of ''")).toEqual({ code: 0, lines: [] });
    },
  );

  test("of several endpoints, only those that accept connections are asked, because etcdctl waits 5 s for each other one", () => {
    const host = etcdctlPrints(newHost(), STATUS["3.1.20"]);
    const [closed, open, silent] = ["1", "2", "3"].map((end) => `https://127.0.0.${end}:${others.port}`);
    // A host that is down: the connection is neither accepted nor refused.
    host.stub(
      "bash",
      `text=$(printf '%s\n' "$2" | sed 's#: <"/dev/tcp#[ "$2" != 127.0.0.3 ] || sleep 9; &#'); shift 2; exec /bin/bash -c "$text" "$@"`,
    );
    host.call(`unhealthy_of "$(printf '%s\\n' ${closed} ${open} ${silent})"`);
    host.call(`endpoint_status ${closed},${open},${silent}`);
    expect(host.read("/asked").match(/--endpoints=\S+/g)).toEqual([`--endpoints=${open}`, `--endpoints=${open}`]);
    expect(host.call(`endpoint_status ${closed},${silent}`)).toEqual({ code: 0, lines: [] });
    expect(host.call(`unhealthy_of ${closed}`)).toEqual({ code: 0, lines: [closed] });
    expect(host.read("/asked").match(/--endpoints/g)).toHaveLength(2);
  });

  test("alarms are printed on one line, and without an alarm nothing is printed", () => {
    const host = etcdctlPrints(newHost(), "memberID:1 alarm:NOSPACE \nmemberID:2 alarm:CORRUPT \n");
    expect(host.call("alarms x").lines).toEqual(["memberID:1 alarm:NOSPACE memberID:2 alarm:CORRUPT"]);
    host.write("/answer", "");
    expect(host.call("alarms x").lines).toEqual([]);
  });

  test("a message names the member of each alarm, and its ID as the member list has it, if no member has that ID", () => {
    const text = (alarms: string) =>
      newHost().call(
        `members_of() { echo "7d24992f7fb46b27 b https://10.0.0.2:2380 https://10.0.0.2:2379 voter"; }; alarms_of x "${alarms}"`,
      ).lines;
    expect(text("memberID:9017500783187618599 alarm:NOSPACE memberID:13676315702716851728 alarm:CORRUPT")).toEqual([
      "an alarm is raised: NOSPACE of b (https://10.0.0.2:2380), CORRUPT of the member bdcc08abe088e610",
    ]);
  });
});
