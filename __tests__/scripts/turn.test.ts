import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { pid, rollout, rolloutData, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const CHANGE = { cluster: { quotaBackendBytes: 4294967296 } };
const said = (text: string) => `a on host-a: rollout: ${text}`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

/** One disturbance of the cluster at a time, whoever deploys: who restarts, joins or removes has the turn. */
inEachShell((newHost) => {
  /** A host whose member is to be restarted. */
  function changedHost(): { host: Host; cluster: FakeCluster; before: string } {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(CHANGE.cluster), 0o755);
    return { host, cluster, before: pid(host) };
  }

  test("it is a key in etcd that only one can create, under a lease that ends by itself", () => {
    const { host, cluster } = changedHost();
    cluster.on("txn", `cat >"$state/asked"; echo SUCCESS; exit`);
    expect(host.call('take_turn "$(own_url)"; echo "$turn"')).toEqual({ code: 0, lines: ["1"] });
    expect(host.read("/run/cluster/asked")).toBe(
      'create("cdktf-etcd/turn") = "0"\n\nput --lease=1 cdktf-etcd/turn a\n\nget cdktf-etcd/turn\n\n',
    );
    expect(cluster.calls()).toEqual(["a lease grant 300", "a txn"]);
  });

  test("one phase takes it once, and whoever comes next finds it taken until it is given back", () => {
    const { host, cluster } = changedHost();
    expect(host.call('take_turn "$(own_url)"; take_turn "$(own_url)"').lines).toEqual([]);
    expect(cluster.turn()).toBe("a");
    expect(cluster.calls().filter((call) => call.includes("txn"))).toHaveLength(1);

    const next = changedHost();
    expect(next.host.call('take_turn "$(own_url)"; end_turn; end_turn').lines).toEqual([]);
    expect(next.cluster.turn()).toBeUndefined();
    expect(next.cluster.calls().at(-1)).toBe("a lease revoke 1");
  });

  test("one whose lease has ended meanwhile is taken anew", () => {
    const { host, cluster } = changedHost();
    expect(host.call('turn=7; take_turn "$(own_url)"; echo "$turn"')).toEqual({ code: 0, lines: ["1"] });
    expect(cluster.turn()).toBe("a");
    expect(cluster.calls()).toEqual(["a lease keep-alive 7", "a lease grant 300", "a txn"]);
  });

  test("a member that restarts has it meanwhile, and gives it back at the end", () => {
    const { host, cluster } = changedHost();
    cluster.on("alarm list", `cut -d' ' -f2 "$state/turn" >>"$state/seen"`);
    expect(rollout(host, CHANGE)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
    // At the gate; before the restart alarms are asked for without it.
    expect(host.read("/run/cluster/seen")).toBe("a\n");
    expect(cluster.turn()).toBeUndefined();
  });

  test("a member that is left as it is needs no turn", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.turnOf("b");
    expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    expect(cluster.turn()).toBe("b");
  });

  test("held by another member: waits, says for whom, and goes on when it ends", () => {
    const { host, cluster, before } = changedHost();
    cluster.turnOf("b");
    cluster.on("lease revoke", `rm -f "$state/turn"`);
    expect(rollout(host, CHANGE)).toEqual({
      code: 0,
      lines: [said("waiting for the turn: b is being changed"), said("restarted"), said("healthy")],
    });
    expect(pid(host)).not.toBe(before);
  });

  test("held by another member that does not end: refused, nothing was changed, and no lease stays", () => {
    const { host, cluster, before } = changedHost();
    cluster.turnOf("b");
    expect(rollout(host, CHANGE)).toEqual({
      code: 3,
      lines: [
        said("waiting for the turn: b is being changed"),
        "a on host-a: rollout refused: turn: not obtained within two minutes: b is being changed; to do: wait for the other deploy to end (at the latest in 300 s), and apply again; if it stays, somebody else has written that key: etcdctl del cdktf-etcd/turn",
      ],
    });
    expect(pid(host)).toBe(before);
    expect(cluster.turn()).toBe("b");
    expect(cluster.changes()).toEqual([]);
    const count = (what: string) => cluster.calls().filter((call) => call.includes(what)).length;
    expect(count("lease revoke")).toBe(count("lease grant"));
  });

  test.each([
    ["lease grant", "grants no lease", "etcdserver: no leader", "correct what etcd says, and apply again"],
    [
      "txn",
      "does not let the key cdktf-etcd/turn be written",
      "etcdserver: too many requests",
      "correct what etcd says",
    ],
  ])("etcd's own error at %s is the reason that is said", (command, what, error, toDo) => {
    const { host, cluster, before } = changedHost();
    cluster.on(command, `fail "${error}"`);
    const { code, lines } = rollout(host, CHANGE);
    expect(code).toBe(3);
    expect(lines[0]).toBe(said(`waiting for the turn: etcd ${what}: Error: ${error}`));
    expect(lines[1]).toContain(`turn: not obtained within two minutes: etcd ${what}: Error: ${error}; to do: ${toDo}`);
    expect(pid(host)).toBe(before);
  });

  test("a user that may not write is told so at once, and what it needs", () => {
    const { host, cluster, before } = changedHost();
    cluster.on("txn", `fail "etcdserver: permission denied"`);
    expect(rollout(host, CHANGE)).toEqual({
      code: 3,
      lines: [
        "a on host-a: rollout refused: turn: etcd does not let the key cdktf-etcd/turn be written: Error: etcdserver: permission denied; to do: authentication is on, and a deploy needs the role root: etcdctl user add NAME --no-password; etcdctl user grant-role NAME root; NAME is the common name of the member's certificate, certificates.commonName (default k8s-etcd)",
      ],
    });
    expect(pid(host)).toBe(before);
    expect(cluster.calls()).toContain("a lease revoke 1");
  });

  test("left by a phase of its own that was killed: taken over, since the lock of this host is free", () => {
    const { host, cluster } = changedHost();
    cluster.turnOf("a");
    const run = rollout(host, CHANGE);
    expect(run.code).toBe(0);
    expect(run.lines.slice(-2)).toEqual([said("restarted"), said("healthy")]);
    expect(cluster.turn()).toBeUndefined();
  });

  test("left by a phase of its own that was killed, and nothing is to restart any more: ended all the same, others wait for it", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    host.call('take_turn "$(own_url)"');
    expect(cluster.turn()).toBe("a");
    expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    expect(cluster.turn()).toBeUndefined();
  });

  test("left by a phase of its own that was killed: given back by the next run, even if that needs none", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.turnOf("a");
    host.write("/var/lib/cdktf-etcd/a/turn", "other\n");
    expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    expect(cluster.turn()).toBeUndefined();
    expect(host.has("/var/lib/cdktf-etcd/a/turn")).toBe(false);
  });

  test.each(["is refused", "fails"])("given back also when the phase %s", (how) => {
    const { host, cluster } = changedHost();
    // Alarms are asked for before the restart, and then by the gate.
    if (how === "is refused") cluster.on("txn", `rm "$(file '${host.cluster.members[1].clientUrl}' healthy)"`);
    else
      cluster.on(
        "alarm list",
        `echo >>"$state/asked"; [ "$(wc -l <"$state/asked")" -lt 2 ] || echo "memberID:2 alarm:NOSPACE"`,
      );
    // As Terraform runs it, not only the phase's function.
    const run = host.phase("rollout", rolloutData(host, CHANGE.cluster));
    expect(run.code).toBe(how === "is refused" ? 3 : 1);
    expect(cluster.calls()).toContain("a txn");
    expect(cluster.turn()).toBeUndefined();
  });
});
