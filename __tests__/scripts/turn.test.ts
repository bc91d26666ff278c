import { symlinkSync } from "node:fs";
import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { pid, rollout, rolloutData, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const CHANGE = { cluster: { quotaBackendBytes: 4294967296 } };
const LEASE = "/var/lib/cdktf-etcd/a/turn";
const said = (text: string) => `a on host-a: rollout: ${text}`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

/** Only one member is disturbed at a time, whoever deploys. A phase that restarts, adds or removes one has the turn. */
inEachShell((newHost) => {
  /** A host whose member is to be restarted. */
  function changedHost(): { host: Host; cluster: FakeCluster; before: string } {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(CHANGE.cluster), 0o755);
    return { host, cluster, before: pid(host) };
  }

  test("the turn is a key in etcd that only one phase can create, under a lease that expires by itself", () => {
    const { host, cluster } = changedHost();
    cluster.on("txn", `cat >"$state/asked"; echo SUCCESS; exit`);
    expect(host.call('take_turn "$(own_url)"; echo "$turn"')).toEqual({ code: 0, lines: ["1"] });
    expect(host.read("/run/cluster/asked")).toBe(
      'create("cdktf-etcd/turn") = "0"\n\nput --lease=1 cdktf-etcd/turn "a (https://127.0.0.1:2380)"\n\nget cdktf-etcd/turn\n\n',
    );
    expect(cluster.calls()).toEqual(["a lease grant 300", "a txn"]);
  });

  test("a phase takes the turn only once, and gives it back only once", () => {
    const { host, cluster } = changedHost();
    expect(host.call('take_turn "$(own_url)"; take_turn "$(own_url)"').lines).toEqual([]);
    expect(cluster.turn()).toBe("a");
    expect(cluster.calls().filter((call) => call.includes("txn"))).toHaveLength(1);

    const next = changedHost();
    expect(next.host.call('take_turn "$(own_url)"; end_turn; end_turn').lines).toEqual([]);
    expect(next.cluster.turn()).toBeUndefined();
    expect(next.cluster.calls().at(-1)).toBe("a lease revoke 1");
  });

  test("a turn is given back although etcd loses the first requests; one that etcd does not know has expired", () => {
    const lost = `if [ ! -e "$state/lost.\${endpoints##*/}" ]; then : >"$state/lost.\${endpoints##*/}"; fail "etcdserver: leader changed"; fi`;
    const { host, cluster } = changedHost();
    cluster.on("lease revoke", lost);
    expect(host.call('take_turn "$(own_url)"; end_turn')).toEqual({ code: 0, lines: [] });
    expect(cluster.turn()).toBeUndefined();
    expect(host.has(LEASE)).toBe(false);

    const next = changedHost();
    next.cluster.on("lease revoke", 'fail "etcdserver: requested lease not found"');
    expect(next.host.call('take_turn "$(own_url)"; end_turn')).toEqual({ code: 0, lines: [] });
    expect(next.cluster.calls().slice(2)).toEqual(["a lease revoke 1", "b lease revoke 1", "c lease revoke 1"]);
    expect(next.host.has(LEASE)).toBe(false);
  });

  test("a turn that could not be given back is given back by the next phase of this member", () => {
    const { host, cluster } = changedHost();
    cluster.on("lease revoke", 'fail "etcdserver: no leader"');
    host.call('take_turn "$(own_url)"; end_turn');
    expect(cluster.turn()).toBe("a");
    expect(host.has(LEASE)).toBe(true);
    cluster.off("lease revoke");
    host.call("end_turn_left_behind");
    expect(cluster.turn()).toBeUndefined();
    expect(host.has(LEASE)).toBe(false);
  });

  test("a turn that cannot be written down, because the disk is full, is taken and given back all the same", () => {
    const { host, cluster } = changedHost();
    symlinkSync("/dev/full", host.path(LEASE));
    expect(host.call('take_turn "$(own_url)"; echo "$turn"; end_turn')).toEqual({ code: 0, lines: ["1"] });
    expect(cluster.turn()).toBeUndefined();
    expect(host.has(LEASE)).toBe(false);
  });

  test("a turn whose lease has expired in the meantime is taken again", () => {
    const { host, cluster } = changedHost();
    expect(host.call('turn=7; take_turn "$(own_url)"; echo "$turn"')).toEqual({ code: 0, lines: ["1"] });
    expect(cluster.turn()).toBe("a");
    expect(cluster.calls()).toEqual(["a lease keep-alive 7", "a lease grant 300", "a txn"]);
  });

  test("a phase does not wait for its own turn if the renewal of its lease has failed", () => {
    const { host, cluster } = changedHost();
    cluster.turnOf("a");
    cluster.on("lease keep-alive", "exit 1");
    expect(host.call('turn=7; take_turn "$(own_url)"; [ "$turn" != 7 ] && echo "$turn"').lines).toEqual([
      expect.stringMatching(/^\d+$/),
    ]);
    expect(cluster.turn()).toBe("a");
  });

  test("a turn is renewed where etcdctl cannot renew a lease, as before 3.3, and is not taken from another member", () => {
    const { host, cluster } = changedHost();
    cluster.on("lease keep-alive", 'fail "unknown flag: --once"');
    const keep = 'take_turn "$(own_url)"; keep_turn "$(own_url)"; echo "$turn"';
    expect(host.call(keep)).toEqual({ code: 0, lines: ["2"] });
    expect(host.read("/run/cluster/turn")).toBe("2 a (https://127.0.0.1:2380)\n");
    expect(host.read(LEASE)).toBe("2\n");

    cluster.turnOf("b");
    expect(host.call('turn=2; keep_turn "$(own_url)"; echo "$turn"')).toEqual({ code: 0, lines: ["2"] });
    expect(cluster.turn()).toBe("b");
  });

  test("a member has the turn while it restarts, and gives it back at the end", () => {
    const { host, cluster } = changedHost();
    cluster.on("alarm list", `cut -d' ' -f2 "$state/turn" >>"$state/seen"`);
    expect(rollout(host, CHANGE)).toEqual({ code: 0, lines: [said("restarted"), said("healthy")] });
    // The gate asks for alarms with the turn; before the restart they are asked for without it.
    expect(host.read("/run/cluster/seen")).toBe("a\n");
    expect(cluster.turn()).toBeUndefined();
  });

  test("a member whose turn expires before it restarts, as on a host that stands still, waits for the turn and looks at the others again", () => {
    const { host, cluster, before } = changedHost();
    const [, b] = host.cluster.members;
    cluster.on("endpoint health", `[ ! -e "$state/turn" ] || echo "other b (${b.peerUrl})" >"$state/turn"`);
    // b, which has the turn now, goes down, and gives it back.
    cluster.on("lease revoke", `rm -f "$state/turn" "$state/on.endpoint health" "$(file '${b.clientUrl}' healthy)"`);
    const { code, lines } = rollout(host, CHANGE);
    expect(code).toBe(3);
    expect(lines).toEqual([
      said("waiting for the turn: b (https://127.0.0.2:2380) is being changed"),
      expect.stringContaining("rollout refused: restart: b (https://127.0.0.2:2380) is not healthy"),
    ]);
    expect(pid(host)).toBe(before);
  });

  test("a member that is not changed needs no turn", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.turnOf("b");
    expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    expect(cluster.turn()).toBe("b");
  });

  test("a rollout waits while another member has the turn, names that member, and continues when the turn is given back", () => {
    const { host, cluster, before } = changedHost();
    cluster.turnOf("b");
    cluster.on("lease revoke", `rm -f "$state/turn"`);
    expect(rollout(host, CHANGE)).toEqual({
      code: 0,
      lines: [
        said("waiting for the turn: b (https://127.0.0.2:2380) is being changed"),
        said("restarted"),
        said("healthy"),
      ],
    });
    expect(pid(host)).not.toBe(before);
  });

  test("a rollout is refused if another member keeps the turn, and it changes nothing and leaves no lease behind", () => {
    const { host, cluster, before } = changedHost();
    cluster.turnOf("b");
    expect(rollout(host, CHANGE)).toEqual({
      code: 3,
      lines: [
        said("waiting for the turn: b (https://127.0.0.2:2380) is being changed"),
        "a on host-a: rollout refused: turn: not obtained within two minutes: b (https://127.0.0.2:2380) is being changed; to do: wait for the other deploy, or the defragmentation, to end (a turn that is not renewed expires within 300 s), and apply again; if the key stays longer, it was not written by a deploy, so delete it: '. /opt/etcd/etcdctl.env; etcdctl del cdktf-etcd/turn'",
      ],
    });
    expect(pid(host)).toBe(before);
    expect(cluster.turn()).toBe("b");
    expect(cluster.changes()).toEqual([]);
    const count = (what: string) => cluster.calls().filter((call) => call.includes(what)).length;
    expect(count("lease revoke")).toBe(count("lease grant"));
  });

  test.each([
    [
      "lease grant",
      "does not grant a lease",
      "etcdserver: no leader",
      "correct the error that etcd reports, and apply again",
    ],
    [
      "txn",
      "does not let the key cdktf-etcd/turn be written",
      "etcdserver: too many requests",
      "correct the error that etcd reports",
    ],
  ])("etcd's own error at %s is given as the reason", (command, what, error, toDo) => {
    const { host, cluster, before } = changedHost();
    cluster.on(command, `fail "${error}"`);
    const { code, lines } = rollout(host, CHANGE);
    expect(code).toBe(3);
    expect(lines[0]).toBe(said(`waiting for the turn: etcd ${what}: Error: ${error}`));
    expect(lines[1]).toContain(`turn: not obtained within two minutes: etcd ${what}: Error: ${error}; to do: ${toDo}`);
    expect(pid(host)).toBe(before);
  });

  test("if the member that was asked leaves the cluster while a phase waits, another one is asked", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.on("lease grant", `case $endpoints in ${host.member.clientUrl}) fail "etcdserver: server stopped" ;; esac`);
    const run = host.call('take_turn "$(own_url)"; echo "$turn"', { PHASE: "rollout" });
    expect(run).toEqual({
      code: 0,
      lines: [
        said("waiting for the turn: etcd does not grant a lease: Error: etcdserver: server stopped"),
        expect.stringMatching(/^\d+$/),
      ],
    });
    expect(cluster.turn()).toBe("a");
  });

  test("a user that may not write is refused at once, with what it needs", () => {
    const { host, cluster, before } = changedHost();
    cluster.on("txn", `fail "etcdserver: permission denied"`);
    expect(rollout(host, CHANGE)).toEqual({
      code: 3,
      lines: [
        "a on host-a: rollout refused: turn: etcd does not let the key cdktf-etcd/turn be written: Error: etcdserver: permission denied; to do: authentication is on, and a deploy needs the role root: '. /opt/etcd/etcdctl.env; etcdctl --user=root user add NAME --no-password; etcdctl --user=root user grant-role NAME root'; NAME is the common name of the member's certificate, certificates.commonName (default k8s-etcd)",
      ],
    });
    expect(pid(host)).toBe(before);
    expect(cluster.calls()).toContain("a lease revoke 1");
  });

  test("a turn that a killed phase of the same member left is taken, because the lock on this host is free", () => {
    const { host, cluster } = changedHost();
    cluster.turnOf("a");
    const run = rollout(host, CHANGE);
    expect(run.code).toBe(0);
    expect(run.lines.slice(-2)).toEqual([said("restarted"), said("healthy")]);
    expect(cluster.turn()).toBeUndefined();
  });

  test("a turn that a killed phase of the same member left, and that ends at the very moment at which it is taken over, stays with the member that got it", () => {
    const { host, cluster } = changedHost();
    cluster.turnOf("a");
    // The phase has been told that this member has the turn. Before it does anything about that, the lease expires.
    const expires = `if [ ! -e "$state/expired" ]; then : >"$state/expired"; echo "other b (https://127.0.0.2:2380)" >"$state/turn"; fi`;
    cluster.on("txn", `if [ -e "$state/asked" ]; then ${expires}; fi; : >"$state/asked"`);
    cluster.on("lease revoke", expires);
    expect(host.call('has_turn "$(own_url)" || echo "$turn_reason"').lines).toEqual([
      "b (https://127.0.0.2:2380) is being changed",
    ]);
    expect(cluster.turn()).toBe("b");
  });

  test("a member that moves to another host waits for the turn of the one that is still on its old host", () => {
    const { host } = changedHost();
    const other = 'own=$PEER_URL PEER_URL=https://127.0.0.9:2380; take_turn "$(own_url)"; turn= PEER_URL=$own';
    expect(host.call(`${other}; has_turn "$(own_url)" || echo "$turn_reason"`).lines).toEqual([
      "a (https://127.0.0.9:2380) is being changed",
    ]);
    expect(host.read("/run/cluster/turn")).toBe("1 a (https://127.0.0.9:2380)\n");
  });

  test("a turn that a killed phase of the same member left is given back even if no restart is needed, because others wait for it", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    host.call('take_turn "$(own_url)"');
    expect(cluster.turn()).toBe("a");
    expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    expect(cluster.turn()).toBeUndefined();
  });

  test("a turn that a killed phase recorded is given back by the next run even if that needs no turn, and the record is deleted", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    const cluster = runningHost(host);
    cluster.turnOf("a");
    host.write("/var/lib/cdktf-etcd/a/turn", "other\n");
    expect(rollout(host)).toEqual({ code: 0, lines: [said("healthy")] });
    expect(cluster.turn()).toBeUndefined();
    expect(host.has("/var/lib/cdktf-etcd/a/turn")).toBe(false);
  });

  test.each(["is refused", "fails"])("the turn is also given back if the phase %s", (how) => {
    const { host, cluster } = changedHost();
    // Alarms are asked for before the restart and then again by the gate.
    if (how === "is refused") cluster.on("txn", `rm "$(file '${host.cluster.members[1].clientUrl}' healthy)"`);
    else
      cluster.on(
        "alarm list",
        `echo >>"$state/asked"; [ "$(wc -l <"$state/asked")" -lt 2 ] || echo "memberID:2 alarm:NOSPACE"`,
      );
    // The phase runs as Terraform runs it, not only as its function.
    const run = host.phase("rollout", rolloutData(host, CHANGE.cluster));
    expect(run.code).toBe(how === "is refused" ? 3 : 1);
    expect(cluster.calls()).toContain("a txn");
    expect(cluster.turn()).toBeUndefined();
  });
});
