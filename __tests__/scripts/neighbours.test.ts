import { readdirSync, symlinkSync } from "node:fs";
import { clusterHosts, installBinaries } from "../support/fake-etcd";
import { breakNeighbour, installNeighbour, neighbourStarts, supervisorChanges } from "../support/fake-supervisor";
import type { Host } from "../support/host";
import { phase, pid, rollout, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const NEXT = "/opt/etcd-v3.6.14/etcd-server.ini.next";

/** Other programs under the same supervisord. Their processes are never touched, and errors in their files are seen. */
inEachShell((newHost) => {
  const clusterHost = clusterHosts(newHost);

  /** The other program runs, and its file has been edited since it was started. */
  function withPendingEdit(host: Host): Host {
    installNeighbour(host);
    host.call("supervisorctl update");
    installNeighbour(host, "sleep 2");
    host.forgetCalls();
    return host;
  }

  function expectUntouched(host: Host): void {
    expect(neighbourStarts(host)).toBe(1);
    expect(host.call("supervisorctl reread").lines).toContain("jobs: changed");
  }

  test("a first start adds only the member's program, and leaves another program's pending edit pending", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/data/etcd/member/wal/0.wal", "");
    withPendingEdit(host);
    expect(host.call("start_etcd").code).toBe(0);
    expect(pid(host)).toMatch(/^\d+$/);
    expectUntouched(host);
  });

  test("a rollout of a changed program leaves another program's pending edit pending", () => {
    const host = clusterHost();
    runningHost(host);
    withPendingEdit(host);
    const before = pid(host);
    const ini = host.programIni().replace("/data/logs/etcd.log", "/data/logs/new.log");
    host.write(NEXT, ini);
    expect(rollout(host, { ini }).code).toBe(0);
    expect(pid(host)).not.toBe(before);
    expect(host.has("/data/logs/new.log")).toBe(true);
    expectUntouched(host);
  });

  test("a removal leaves another program's pending edit pending", () => {
    const host = clusterHost();
    runningHost(host);
    withPendingEdit(host);
    expect(phase(host, "shutdown", { REMOVAL_POLICY: "retain" }).code).toBe(0);
    expect(pid(host)).toBe("");
    expect(host.call("supervisorctl status a").lines).toEqual(["a: ERROR (no such process)"]);
    expectUntouched(host);
  });

  test("a program whose name looks like an error is not taken for one, whatever is pending for it", () => {
    const host = clusterHost();
    runningHost(host);
    host.write("/etc/supervisor/conf.d/on-error.conf", "[program:on-error]\ncommand=sleep 1\n");
    const reread = "supervisor reread && supervisor_words";
    expect(host.call(reread).lines).toEqual(["on-error: available"]);
    host.call("supervisorctl update");
    host.write("/etc/supervisor/conf.d/on-error.conf", "[program:on-error]\ncommand=sleep 2\n");
    expect(host.call(reread).lines).toEqual(["on-error: changed"]);
    expect(rollout(host).code).toBe(0);
  });

  test("a reread is asked for once, be it early, and the next one is asked for anew", () => {
    const host = clusterHost();
    runningHost(host);
    const calls = host.calls("supervisorctl").length;
    const run = "ask_for_reread; for i in 1 2; do supervisor reread && supervisor_words && echo; done";
    host.write("/etc/supervisor/conf.d/new.conf", "[program:new]\ncommand=sleep 1\n");
    expect(host.call(run).lines).toEqual(["new: available", "new: available"]);
    expect(host.calls("supervisorctl").slice(calls)).toEqual(["reread", "reread"]);
    breakNeighbour(host);
    expect(host.call("ask_for_reread; supervisor reread || supervisor_words").lines).toEqual([
      expect.stringMatching(/^CANT_REREAD: The directory/),
    ]);
    expect(readdirSync(host.path("/run/cdktf-etcd")).filter((file) => file.includes("reread"))).toEqual([]);
  });

  test("another program's file that supervisord cannot read does not prevent a removal", () => {
    const host = clusterHost();
    runningHost(host);
    breakNeighbour(host);
    expect(phase(host, "shutdown", { REMOVAL_POLICY: "retain" }).lines).toContain(
      "a on host-a: shutdown: stopped and unregistered",
    );
  });

  test("a rollout of a changed program fails with supervisord's message and leaves the member running if supervisord cannot read its configuration, and succeeds once that is corrected", () => {
    const host = clusterHost();
    runningHost(host);
    breakNeighbour(host);
    const before = pid(host);
    const ini = host.programIni().replace("/data/logs/etcd.log", "/data/logs/new.log");
    host.write(NEXT, ini);
    const failed = rollout(host, { ini });
    expect(failed.code).toBe(1);
    expect(failed.lines.at(-1)).toBe(
      "a on host-a: rollout failed: supervisord cannot read its configuration: CANT_REREAD: The directory named as part of the path /nope/jobs.log does not exist in section 'program:jobs' (file: '/etc/supervisor/conf.d/jobs.conf'); to do: correct that file until 'supervisorctl reread' reports no error, and apply again",
    );
    expect(pid(host)).toBe(before);
    expect(supervisorChanges(host)).toEqual([]);
    installNeighbour(host);
    expect(rollout(host, { ini })).toMatchObject({ code: 0 });
    expect(host.has("/data/logs/new.log")).toBe(true);
  });

  test("a changed program file that supervisord has not loaded is loaded by the next rollout", () => {
    const host = clusterHost();
    runningHost(host);
    const ini = host.programIni().replace("/data/logs/etcd.log", "/data/logs/new.log");
    host.write("/etc/supervisor/conf.d/etcd-server.ini", ini);
    expect(rollout(host, { ini }).lines).toEqual(["a on host-a: rollout: restarted", "a on host-a: rollout: healthy"]);
    expect(host.has("/data/logs/new.log")).toBe(true);
  });

  test("a restart that starts another binary fails, and says which one runs", () => {
    const host = clusterHost();
    runningHost(host);
    installBinaries(host, "3.5.33");
    host.write("/opt/etcd-v3.5.33/etcd-server-startup.sh", host.startupScript(), 0o755);
    symlinkSync("../etcd-v3.6.14/certs.0", host.path("/opt/etcd-v3.5.33/certs"));
    // This program does not start etcd through the link that a rollout changes.
    const ini = host.programIni().replace("/opt/etcd/etcd-server-startup.sh", "/opt/own.sh");
    host.write("/opt/own.sh", host.startupScript().replace("/opt/etcd/etcd \\", "/opt/etcd-v3.5.33/etcd \\"), 0o755);
    host.write("/etc/supervisor/conf.d/etcd-server.ini", ini);
    host.call("supervisorctl update");
    const failed = rollout(host, { ini });
    expect(failed.code).toBe(1);
    expect(failed.lines.at(-1)).toMatch(
      /^a on host-a: rollout failed: etcd was restarted, but it runs \/opt\/etcd-v3\.5\.33\/\.sh, not \/opt\/etcd-v3\.6\.14\/etcd; to do: /,
    );
  });

  test("runs_as_meant reports a process whose arguments differ from the startup script's, or that supervisord did not start", () => {
    const host = clusterHost();
    runningHost(host);
    const differences = () => host.call('runs_as_meant || echo "$difference"').lines;
    expect(differences()).toEqual([]);
    const script = "/opt/etcd-v3.6.14/etcd-server-startup.sh";
    host.write(script, host.startupScript({ extraFlags: { "log-level": "it's quoted" } }), 0o755);
    expect(differences()).toEqual(["it runs without --log-level=it's quoted"]);
    host.call("supervisorctl restart a >/dev/null; wait_until 5 is_running");
    expect(differences()).toEqual([]);
    host.write(script, host.startupScript(), 0o755);
    expect(differences()).toEqual(["it runs with --log-level=it's quoted, which the startup script does not have"]);
    host.call("supervisorctl restart a >/dev/null; wait_until 5 is_running");
    host.call('running=$(etcd_pid); mv "$(dirname "$CURRENT")/../run/etcd.pid" "$(dirname "$CURRENT")/../run/x"');
    expect(differences()[0]).toMatch(/^its process \d+ is not the one that supervisord manages \(0\)$/);
  });
});
