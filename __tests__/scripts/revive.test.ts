import { listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { pid, runningHost, upgradingHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const STARTUP = "/opt/etcd-v3.6.14/etcd-server-startup.sh";
const REVIVED = "a on host-a: stage: etcd kept crashing: started it with the staged configuration";

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

/**
 * The way back from a change that failed on this host begins in `stage`, because no other member may be restarted while
 * this one is down.
 */
inEachShell((newHost) => {
  const clusterHost = (version = "3.6.14") => newHost({ props: { version, ports: { client: all.port } } });
  const revive = (host: Host) => host.call('wait_until() { shift; sleep 0.4; "$@"; }; revive', { PHASE: "stage" });
  const quota = (host: Host) => /--quota-backend-bytes=(\d+)/.exec(host.read("/run/etcd.args"))?.[1];

  /** Makes etcd crash at every start, and stages a startup script with which it does not crash. */
  function crashing(host: Host): void {
    const etcd = `/opt/etcd-v${host.call("installed_version").lines.join()}/etcd`;
    const [first, ...rest] = host.read(etcd).split("\n");
    const crash = 'case "$*" in *quota-backend-bytes=4294967296*) ;; *) exit 1 ;; esac';
    host.write(etcd, [first, crash, ...rest].join("\n"), 0o755);
    host.write(`${STARTUP}.next`, host.startupScript({ quotaBackendBytes: 4294967296 }), 0o755);
    host.call('kill "$(etcd_pid)"');
  }

  test("a member that crashes at every start is started with what is staged", () => {
    const host = clusterHost();
    runningHost(host);
    crashing(host);
    expect(revive(host)).toEqual({ code: 0, lines: [REVIVED] });
    expect(pid(host)).toMatch(/^\d+$/);
    expect(quota(host)).toBe("4294967296");
    expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
  });

  test("a member that runs and only waits for the others is left alone", () => {
    const host = clusterHost();
    runningHost(host).unhealthy("abc");
    const before = pid(host);
    host.write(`${STARTUP}.next`, host.startupScript({ quotaBackendBytes: 4294967296 }), 0o755);
    expect(revive(host).lines).toEqual([]);
    expect(pid(host)).toBe(before);
    expect(host.has(`${STARTUP}.next`)).toBe(true);
  });

  test("a member that somebody stopped by hand stays stopped", () => {
    const host = clusterHost();
    runningHost(host);
    crashing(host);
    host.call("supervisorctl stop a");
    expect(revive(host).lines).toEqual([]);
    expect(pid(host)).toBe("");
  });

  describe("a stopped member", () => {
    const starts = (host: Host, facts = "") =>
      host.call(`${facts}wait_until() { shift; sleep 0.4; "$@"; }; start_without_quorum`, { PHASE: "stage" });

    test("is started if the others have no quorum, with what it ran before, because its rollout would wait for theirs", () => {
      const host = clusterHost();
      runningHost(host).unhealthy("abc");
      host.call("supervisorctl stop a");
      host.write(`${STARTUP}.next`, host.startupScript({ quotaBackendBytes: 4294967296 }), 0o755);
      expect(starts(host).lines).toEqual([
        "a on host-a: stage: etcd was stopped, and the other members had no quorum: started it",
      ]);
      expect(pid(host)).toMatch(/^\d+$/);
      expect(quota(host)).not.toBe("4294967296");
      expect(host.has(`${STARTUP}.next`)).toBe(true);
    });

    test("is started with what is staged if its data belong to another user now, as whom it did not run before", () => {
      const host = clusterHost();
      runningHost(host).unhealthy("abc");
      host.call("supervisorctl stop a");
      const [ini, other] = ["/etc/supervisor/conf.d/etcd-server.ini", "user=nobody"];
      host.write("/opt/etcd-v3.6.14/etcd-server.ini.next", host.programIni().replace(/^user=.*$/m, other));
      expect(starts(host, "ETCD_USER=nobody; ").lines).toHaveLength(1);
      expect(host.read(ini)).toContain(`\n${other}\n`);
      expect(pid(host)).toMatch(/^\d+$/);
      expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
    });

    test("is also started if the quorum that it finds was not there in the preflight: other stages have just made it", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.unhealthy("abc");
      host.call("supervisorctl stop a");
      host.call("note_lost_quorum");
      cluster.healthy("bc");
      expect(starts(host).lines).toHaveLength(1);
      expect(pid(host)).toMatch(/^\d+$/);

      host.call("supervisorctl stop a");
      expect(starts(host).lines).toEqual([]);
      host.call("note_lost_quorum");
      expect(starts(host).lines).toEqual([]);
      expect(pid(host)).toBe("");
    });

    test("stays stopped if the others have a quorum, if it has no data, and if its data are to be replaced", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      host.call("supervisorctl stop a");
      expect(starts(host).lines).toEqual([]);
      cluster.unhealthy("abc");
      host.call('mv "$DATA_DIR/member/wal" "$DATA_DIR/member/away"');
      expect(starts(host).lines).toEqual([]);
      host.call('mv "$DATA_DIR/member/away" "$DATA_DIR/member/wal"');
      expect(host.call("RESTORE=x; start_without_quorum").lines).toEqual([]);
      expect(pid(host)).toBe("");
    });
  });

  test("a member that the cluster has removed is left as it is, because etcd can never start again on its data", () => {
    const host = clusterHost();
    const cluster = runningHost(host);
    crashing(host);
    cluster.members("b", "c");
    expect(revive(host).lines).toEqual([]);
    expect(host.has(`${STARTUP}.next`)).toBe(true);
  });

  test("a newer version waits for its rollout, which takes a snapshot first", () => {
    const host = clusterHost();
    upgradingHost(host, "3.5.33");
    crashing(host);
    expect(revive(host).lines).toEqual([]);
    expect(host.call('readlink "$CURRENT"').lines).toEqual(["etcd-v3.5.33"]);
  });

  test("what was staged for a version that is no longer wanted is deleted, including its key, so that it never runs later", () => {
    const host = clusterHost();
    runningHost(host);
    host.write("/opt/etcd-v3.7.1/etcd-server-startup.sh.next", "");
    host.write("/opt/etcd-v3.7.1/etcd", "");
    host.write("/opt/etcd-v3.7.1/.sha256", "");
    host.write("/opt/etcd-v3.7.1/certs.0/etcd-peer-key.pem", "");
    host.write(`${STARTUP}.next`, "");
    host.call("drop_other_stages");
    expect(host.list("/opt/etcd-v3.7.1")).toEqual([".sha256", "etcd"]);
    expect(host.has(`${STARTUP}.next`)).toBe(true);
  });
});
