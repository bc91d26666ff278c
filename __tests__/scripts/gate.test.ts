import { listenOn } from "../support/fake-etcd";
import { IMPATIENT } from "../support/host";
import { rollout, rolloutData, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4");
});
afterAll(() => all.close());

/** The gate is the health check at the end of each rollout. */
inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: all.port } } });

  test("a member that does not become healthy fails the rollout, with the members that do not answer", () => {
    const host = newHost({ props: { ports: { client: 1 } } });
    const cluster = runningHost(host);
    cluster.unhealthy("a");
    host.write("/data/logs/etcd.log", "rejected connection: error\n");
    const { code, lines } = rollout(host);
    expect({ code, lines: lines.map((line) => line.replace(/after \d+ s/, "after 60 s")) }).toEqual({
      code: 1,
      lines: [
        "a on host-a: rollout failed: not healthy after 60 s: https://127.0.0.2:1 does not answer; https://127.0.0.3:1 does not answer; rejected connection: error; to do: bring the named members back, or see /data/logs/etcd.log; to go forward, correct the cause and apply again; to go back, set the changed value (or version) back and apply; the members after this one were not touched",
      ],
    });
  });

  test("a member that does not become healthy beside others that answer is not told to bring any member back", () => {
    const host = clusterHost();
    const cluster = runningHost(host);
    cluster.unhealthy("a");
    host.write("/data/logs/etcd.log", "rejected connection: error\n");
    expect(rollout(host).lines.at(-1)).toMatch(
      /: rollout failed: not healthy after \d+ s: rejected connection: error; to do: see \/data\/logs\/etcd.log; to go forward, /,
    );
  });

  test.each(["bootstrap", "stage", "admit"])(
    "a member whose etcd does not start in %s is told nothing about the members after it, which run this phase, too",
    (PHASE) => {
      const host = clusterHost();
      runningHost(host);
      host.call("supervisorctl stop a");
      host.stub("supervisorctl", "exit 1");
      host.write("/data/logs/etcd.log", "rejected connection: error\n");
      const text = "is_running() { false; }; update_program() { :; }; start_etcd";
      expect(host.call(`${IMPATIENT}${text}`, { PHASE }).lines).toEqual([
        `a on host-a: ${PHASE} failed: etcd does not start: rejected connection: error; to do: see /data/logs/etcd.log, correct the cause, and apply again`,
      ]);
    },
  );

  test("a member that runs on the data of another cluster does not count as healthy, although it is healthy in that cluster", () => {
    const host = clusterHost();
    const cluster = runningHost(host);
    cluster.members("a");
    cluster.healthy("a", { cluster: 78 });
    expect(rollout(host)).toEqual({
      code: 1,
      lines: [
        `a on host-a: rollout failed: the members belong to 2 clusters: https://127.0.0.1:${all.port} in 4e, https://127.0.0.2:${all.port} in 4d, https://127.0.0.3:${all.port} in 4d; to do: see docs/lost-data.md#the-members-are-of-two-clusters`,
      ],
    });
  });

  test("an alarm after the restart stops the rollout before the next member", () => {
    const host = clusterHost();
    runningHost(host).alarm("memberID:2 alarm:CORRUPT");
    expect(rollout(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: rollout failed: an alarm is raised: CORRUPT of b (https://127.0.0.2:2380); to do: do not clear the alarm yet: first find the member whose data are wrong, see docs/alarms.md#corrupt",
      ],
    });
  });

  test("members of another cluster fail the rollout at once, but another member that is still a learner does not", () => {
    const host = clusterHost();
    const cluster = runningHost(host);
    cluster.healthy("c", { cluster: 78 });
    expect(rollout(host)).toEqual({
      code: 1,
      lines: [
        `a on host-a: rollout failed: the members belong to 2 clusters: https://127.0.0.1:${all.port} in 4d, https://127.0.0.2:${all.port} in 4d, https://127.0.0.3:${all.port} in 4e; to do: see docs/lost-data.md#the-members-are-of-two-clusters`,
      ],
    });
    cluster.healthy("c");
    cluster.members("a", "b", ["3", "started", "c", { learner: true }]);
    expect(rollout(host).code).toBe(0);
  });

  test("last_words prints the reason for a panic of etcd, not its call stack", () => {
    const host = clusterHost();
    host.write(
      "/data/logs/etcd.log",
      `panic: unmarshal should never fail [recovered]
\tpanic: execute job failed

goroutine 109 [running]:
panic({0xf3a700?, 0x26e434d37a10?})
\truntime/panic.go:860 +0x13a
go.etcd.io/etcd/server/v3/etcdserver.panicking(...)
`,
    );
    expect(host.call("last_words").lines).toEqual(["panic: unmarshal should never fail [recovered]"]);
  });

  test.each([
    [
      'invalid value "x=true" for flag -feature-gates: unrecognized feature gate: x',
      'I: started\ninvalid value "x=true" for flag -feature-gates: unrecognized feature gate: x\nUsage:\n\n  etcd [flags]\n    Start an etcd server.\n\n',
    ],
    ["/opt/etcd/etcd: 1: exec: not executable", "/opt/etcd/etcd: 1: exec: not executable\n\n  \n"],
    [
      "failed to purge wal file: open /data: no such file",
      '{"level":"fatal","ts":"2026-11-27T02:49:46Z","msg":"failed to purge wal file","error":"open /data: no such file","stacktrace":"main"}\n',
    ],
    [
      "discovery failed: member 1 has already been bootstrapped",
      '{"level":"fatal","msg":"discovery failed","error":"member 1 has already been bootstrapped"}\n{"level":"warn","msg":"failed to detect default host","error":"could not find default route"}\n',
    ],
    [
      "2026-11-27 02:49:46.231523 C | etcdmain: member 1 has already been bootstrapped",
      "2026-11-27 02:49:46.231523 C | etcdmain: member 1 has already been bootstrapped\n2026-11-27 02:49:47.1 E | etcdmain: error verifying flags\n",
    ],
    [
      'discovery failed: couldn\'t find local name "a" in the cluster',
      '{"level":"fatal","msg":"discovery failed","error":"couldn\'t find local name \\"a\\" in the cluster","stacktrace":"x"}\n',
    ],
    [
      "a: no data in /data: not starting; run a deploy",
      '{"level":"fatal","msg":"discovery failed","error":"of last week"}\na: no data in /data: not starting; run a deploy\n',
    ],
    ["rejected connection: not an error", '{"level":"warn","msg":"rejected connection: not an error"}\n'],
    [
      "its data differ from another member's, and either may be the wrong one: see CORRUPT in docs/alarms.md",
      '{"level":"fatal","msg":"discovery failed","error":"dbfedf3720423f8 found data inconsistency with peers"}\n',
    ],
    ["its log is empty", "\n\n"],
  ])("last_words always prints something: %s", (words, log) => {
    const host = clusterHost();
    host.write("/data/logs/etcd.log", log);
    expect(host.call("last_words").lines).toEqual([words]);
  });

  test("last_words reads the log from the start that this phase asked for, or only the end of the log if there was none", () => {
    const host = clusterHost();
    runningHost(host);
    host.write("/data/logs/etcd.log", "panic: of last year\n");
    expect(host.call('activate; echo started >>"$LOG_DIR/etcd.log"; last_words').lines).toEqual(["started"]);
    host.write("/data/logs/etcd.log", `panic: of last year\n${"started\n".repeat(200)}`);
    expect(host.call("last_words").lines).toEqual(["started"]);
  });

  test("last_words names a full disk first, because etcd's own messages rarely do", () => {
    const host = clusterHost();
    runningHost(host);
    host.write("/data/logs/etcd.log", "panic: failed to repair WAL: unexpected EOF\n");
    host.stub("df", "printf ' Avail Inodes IFree\\n3M 9999 9999\\n'");
    expect(host.call("last_words").lines).toEqual([
      "the disk of /data/etcd is full (3 MB free); panic: failed to repair WAL: unexpected EOF",
    ]);
  });

  test("an etcd that answers once and then ends fails the rollout", () => {
    const host = clusterHost();
    const cluster = runningHost(host);
    // The gate asks for alarms after it has seen the member healthy.
    cluster.on("alarm list", `rm -f "$(file '${host.member.clientUrl}' healthy)"`);
    host.write("/data/logs/etcd.log", "panic: out of luck\n");
    expect(rollout(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: rollout failed: etcd keeps crashing: panic: out of luck; to do: see /data/logs/etcd.log; to go forward, correct the cause and apply again; to go back, set the changed value (or version) back and apply; the members after this one were not touched",
      ],
    });
  });

  test("an alarm that makes this member unhealthy is reported at once, without waiting", () => {
    const host = clusterHost();
    const cluster = runningHost(host);
    cluster.alarm("memberID:1 alarm:NOSPACE");
    cluster.unhealthy("a");
    // Waiting would take the gate's 60 s, twice as long as a run may take in a test.
    expect(host.call("phase_rollout", { PHASE: "rollout", ...rolloutData(host) })).toEqual({
      code: 1,
      lines: [
        "a on host-a: rollout failed: an alarm is raised: NOSPACE of the member 1; to do: make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again",
      ],
    });
  });
});
