import { lstatSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { mounted, phase, pid, runningHost, stagedHost } from "../support/phases";
import { find, synthCluster } from "../support/synth";
import { inEachShell, testAsRoot } from "../support/shells";

const said = (text: string) => `a on host-a: shutdown: ${text}`;
const shutdown = (host: Host, policy = "retain") =>
  phase(host, "shutdown", { CLUSTER: "stack/etcd", REMOVAL_POLICY: policy });
const decommission = (host: Host, policy = "retain") =>
  phase(host, "decommission", { CLUSTER: "stack/etcd", REMOVAL_POLICY: policy });

let own: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  own = await listenOn("127.0.0.1");
});
afterAll(() => own.close());

inEachShell((newHost) => {
  test.each(["debian", "rhel"] as const)(
    "the member is stopped and unregistered on %s, and its data are kept",
    (supervisor) => {
      const host = newHost();
      runningHost(host, supervisor);
      expect(shutdown(host)).toEqual({
        code: 0,
        lines: [said("stopped and unregistered"), said("data kept in /data/etcd")],
      });
      expect(pid(host)).toBe("");
      expect(host.has("/etc/supervisor/conf.d/etcd-server.ini") || host.has("/etc/supervisord.d/etcd-server.ini")).toBe(
        false,
      );
      expect(host.calls("supervisorctl")).toEqual(["stop a:a", "remove a", "reread", "pid a:a"]);
      expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
      expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(true);
      expect(host.has("/opt/etcd/etcd")).toBe(true);
    },
  );

  test("a removal that was killed when only the member's record was left is finished by the next run", () => {
    const host = newHost();
    runningHost(host);
    host.call('claim_host; for path in "${DATA_DIR%/*}" "$DATA_DIR" "$LOG_DIR"; do remember_made "$path"; done');
    const [claim, made] = ["claim", "made"].map((name) => host.read(`/var/lib/cdktf-etcd/a/${name}`));
    expect(shutdown(host, "destroy").code).toBe(0);
    expect(host.has("/data")).toBe(false);
    const remaining = host.call(
      'mkdir -p "$STATE_DIR/snapshots"; touch "$CLAIM" "$STATE_DIR/started" "$MADE"; rm() { kill -9 $$; }; delete_own "$STATE_DIR"',
    );
    expect(remaining.code).not.toBe(0);
    expect(host.list("/var/lib/cdktf-etcd/a")).toEqual(["claim", "made", "started"]);
    host.write("/var/lib/cdktf-etcd/a/claim", claim);
    host.write("/var/lib/cdktf-etcd/a/made", made);
    expect(shutdown(host, "destroy").code).toBe(0);
    expect([host.has("/data"), host.has("/var/lib/cdktf-etcd/a")]).toEqual([false, false]);
  });

  test("a member that a killed phase has stopped, and not yet removed from supervisord, is removed by the next run", () => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host");
    const real = host.read("/stubs/supervisorctl");
    const phasePid = host.path("/run/phase");
    host.stub(
      "supervisorctl",
      `case $* in *"remove a") kill -9 "$(cat '${phasePid}')"; exit ;; esac\n${real.replace(/^#!.*\n/, "")}`,
    );
    host.call(`echo $$ >'${phasePid}'; phase_shutdown`, { CLUSTER: "stack/etcd", REMOVAL_POLICY: "retain" });
    host.write("/stubs/supervisorctl", real, 0o755);
    expect(host.call("supervisorctl status a:a").lines).toEqual([expect.stringContaining("STOPPED")]);
    expect(shutdown(host)).toEqual({
      code: 0,
      lines: [said("stopped and unregistered"), said("data kept in /data/etcd")],
    });
    expect(host.call("supervisorctl status a:a").lines).toEqual(["a:a: ERROR (no such process)"]);
  });

  test("the policy destroy deletes the data, logs, mark and binaries, and nothing else", () => {
    const host = newHost();
    runningHost(host);
    host.write("/data/other", "");
    host.write("/opt/other/etcd", "");
    host.write("/opt/etcd-v3.5.0-by-hand/etcd", "");
    host.write("/var/lib/cdktf-etcd/b/started", "");
    expect(shutdown(host, "destroy")).toEqual({
      code: 0,
      lines: [said("stopped and unregistered"), said("deleted data, logs and binaries")],
    });
    expect(host.list("/data")).toEqual(["other"]);
    expect(host.list("/opt")).toEqual(["etcd-v3.5.0-by-hand", "other"]);
    expect(host.list("/var/lib/cdktf-etcd")).toEqual(["b"]);
  });

  test.each(["shutdown", "decommission"])("%s leaves a member of the same name with another peer URL alone", (name) => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host");
    const before = pid(host);
    const data = { CLUSTER: "stack/etcd", REMOVAL_POLICY: "destroy", PEER_URL: "https://10.9.9.9:2380" };
    expect(phase(host, name, data)).toEqual({
      code: 0,
      lines: [
        `a on host-a: ${name}: the member a of this host has the peer URL ${host.member.peerUrl}, not https://10.9.9.9:2380, and is left alone`,
      ],
    });
    expect(pid(host)).toBe(before);
  });

  test.each(["shutdown", "decommission"])(
    "%s does not touch a member that another state of the same program has staged, but that state can still remove it",
    (name) => {
      const host = newHost();
      runningHost(host);
      host.call("claim_host", { OWNER: "1" });
      const before = pid(host);
      const remove = (owner: string) =>
        phase(host, name, { CLUSTER: "stack/etcd", REMOVAL_POLICY: "destroy", OWNER: owner }).lines;
      expect(remove("2")).toEqual([
        `a on host-a: ${name}: another Terraform state has staged this member since, and the member is left to that state`,
      ]);
      expect(pid(host)).toBe(before);
      if (name === "shutdown") expect(remove("1")).toContain(said("stopped and unregistered"));
    },
  );

  test.each(["", "2"])(
    "a claim or a state from before owners were recorded does not prevent a shutdown (owner in the state: %j)",
    (owner) => {
      const host = newHost();
      runningHost(host);
      host.call("claim_host", { OWNER: owner === "" ? "1" : "" });
      const data = { CLUSTER: "stack/etcd", REMOVAL_POLICY: "retain", OWNER: owner };
      expect(phase(host, "shutdown", data).lines).toContain(said("stopped and unregistered"));
    },
  );

  test("the policy destroy does not delete the data of another member whose disk is in the wrong host", () => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host");
    host.write("/data/etcd/.cdktf-etcd", "member=b\npeer_url=https://10.0.0.9:2380\n");
    const before = pid(host);
    expect(shutdown(host, "destroy")).toEqual({
      code: 3,
      lines: [
        "a on host-a: shutdown refused: data directory: /data/etcd holds the data of the member b with peer URL https://10.0.0.9:2380: nothing was stopped or deleted; to do: bring the right disk back, or move these data away, and run this again",
      ],
    });
    expect(pid(host)).toBe(before);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });

  test("the policy destroy deletes nothing through a path that has become a link", () => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host");
    renameSync(host.path("/data"), host.path("/moved"));
    host.write("/victim/etcd/theirs", "");
    symlinkSync(host.path("/victim"), host.path("/data"));
    const before = pid(host);
    expect(shutdown(host, "destroy").lines).toContain(
      "a on host-a: shutdown refused: directory: a part of /data/etcd has become a symbolic link, or can be changed by users other than root, and root does not delete anything on such a path; to do: correct that (namei -l /data/etcd), and run this again",
    );
    expect([pid(host), host.has("/victim/etcd/theirs")]).toEqual([before, true]);
  });

  test("the policy destroy also deletes the link to an ini file that somebody has deleted", () => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host; supervisorctl stop a");
    rmSync(host.path("/etc/supervisor/conf.d/etcd-server.ini"));
    expect(shutdown(host, "destroy").code).toBe(0);
    expect(host.list("/etc/supervisor/conf.d")).toEqual([".keep"]);
  });

  testAsRoot(
    "a directory and those below it are given to root before they are emptied, so that nobody adds to them meanwhile",
    () => {
      const host = newHost();
      host.write("/data/etcd/member/wal/0.wal", "");
      host.call('chown -R daemon "$DATA_DIR"; close_directory "$DATA_DIR"');
      expect(host.call('find "$DATA_DIR" -printf "%u %m %P\\n" | sort').lines).toEqual([
        "daemon 644 member/wal/0.wal",
        "root 700 ",
        "root 700 member",
        "root 700 member/wal",
      ]);
    },
  );

  test("the policy destroy is refused if a disk is not mounted, because its data would remain and come back", () => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host");
    host.write("/var/lib/cdktf-etcd/a/mounts", `${host.path("/data/etcd")}\n`);
    mounted(host);
    const run = shutdown(host, "destroy");
    expect([run.code, run.lines.join()]).toEqual([
      3,
      expect.stringContaining(
        "shutdown refused: data directory: /data/etcd was mounted when this member was last healthy and is not now",
      ),
    ]);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });

  test("a directory that others log to as well, or that was there before, is kept with the files of others", () => {
    const host = newHost();
    runningHost(host);
    host.write("/data/logs/theirs.log", "whole");
    host.write("/data/logs/etcd.log.1", "");
    host.write("/data/etcd.aside-20260101T000000Z/member/wal/0.wal", "");
    // The stage found both directories and created only the version's directory.
    host.call('claim_host; remember_made "$INSTALL_ROOT/etcd-v$VERSION"');
    expect(shutdown(host, "destroy").code).toBe(0);
    expect(host.list("/data")).toEqual(["etcd", "logs"]);
    expect([host.list("/data/etcd"), host.list("/data/logs")]).toEqual([[], ["theirs.log"]]);
    expect([host.list("/opt"), host.list("/var/lib"), host.list("/run/cdktf-etcd")]).toEqual([
      [],
      [],
      ["a.lock", "claims.lock"],
    ]);
  });

  test("a data directory that is a mount point is emptied and kept", () => {
    const host = newHost();
    runningHost(host);
    const data = host.path("/data/etcd");
    host.write("/data/etcd/member/snap/db", "");
    const run = host.call(
      `mount_points() { echo ${data}; }
       rmdir() { case $1 in ${data}) return 1 ;; *) command rmdir "$@" ;; esac; }
       trap 'leave $?' EXIT; phase_shutdown`,
      { PHASE: "shutdown", REMOVAL_POLICY: "destroy" },
    );
    expect(run).toEqual({
      code: 0,
      lines: [said("stopped and unregistered"), said("deleted data, logs and binaries")],
    });
    expect(host.list("/data/etcd")).toEqual([]);
    expect([host.list("/opt"), host.list("/var/lib")]).toEqual([[], []]);
  });

  test.each(["retain", "destroy"])("a second shutdown has nothing to do (%s)", (policy) => {
    const host = newHost();
    runningHost(host);
    shutdown(host, policy);
    expect(shutdown(host, policy)).toEqual({ code: 0, lines: [] });
  });

  test("a host on which nothing was ever installed is left as it is", () => {
    const host = newHost();
    for (const policy of ["retain", "destroy"]) expect(shutdown(host, policy)).toEqual({ code: 0, lines: [] });
    expect([host.list("/opt"), host.list("/var/lib")]).toEqual([[], []]);
  });

  test.each(["retain", "destroy"])("another member in the same place is left alone (%s)", (policy) => {
    const host = newHost();
    runningHost(host);
    // The same installation is registered and marked under another member's name.
    const ini = host.programIni().replace("[program:a]", "[program:b]");
    host.write("/etc/supervisor/conf.d/etcd-server.ini", ini);
    host.call('mv "$(dirname "$STATE_DIR")/a" "$(dirname "$STATE_DIR")/b"');
    const running = pid(host);
    expect(shutdown(host, policy)).toEqual({ code: 0, lines: [] });
    expect(pid(host)).toBe(running);
    expect(host.calls("supervisorctl")).toEqual([]);
    expect(host.read("/etc/supervisor/conf.d/etcd-server.ini")).toBe(ini);
    expect(host.has("/etc/supervisor/conf.d/etcd-server.conf")).toBe(true);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
    expect(host.has("/data/logs/etcd.log")).toBe(true);
    expect(host.has("/opt/etcd/etcd")).toBe(true);
    expect(host.list("/var/lib/cdktf-etcd/b")).toEqual(["started"]);
  });

  test.each(["data_dir", "backup_dir"])(
    "what another member has among this one's binaries is not deleted: %s",
    (entry) => {
      const host = newHost();
      runningHost(host);
      host.write("/var/lib/cdktf-etcd/b/claim", `peer_url=x\n${entry}=${host.path("/opt/etcd-v3.6.14/b")}\n`);
      host.write("/opt/etcd-v3.6.14/b/x", "");
      expect(shutdown(host, "destroy").code).toBe(0);
      expect(host.has("/opt/etcd-v3.6.14/b/x")).toBe(true);
      expect(host.has("/data/etcd")).toBe(false);
    },
  );

  test.each([
    ["shutdown", "etcd-shutdown_members"],
    ["decommission", "etcd_decommission"],
  ])("%s needs only what Terraform remembers of the member", (phase, id) => {
    const host = newHost({ props: { ports: { client: own.port } } });
    runningHost(host).members("b", "c");
    const remembered: { [key: string]: string } = {
      cluster: "stack/etcd",
      member: "a",
      host: "host-a",
      peer_url: host.member.peerUrl,
      client_url: host.member.clientUrl,
      endpoints: host.member.clientUrl,
      version: "3.6.14",
      install_root: host.path("/opt"),
      data_dir: host.path("/data/etcd"),
      log_dir: host.path("/data/logs"),
      supervisor_ini: "etcd-server",
      removal_policy: "destroy",
    };
    const [provisioner] = find(synthCluster(), `terraform_data.${id}`).provisioner ?? [];
    const program = provisioner["remote-exec"]?.inline.map((line) =>
      line.replace(/\$\{self\.input\.(\w+)\}/g, (_, key: string) => remembered[key]),
    );
    expect(host.program(program ?? [])).toEqual({
      code: 0,
      lines: [
        `a on host-a: ${phase}: stopped and unregistered`,
        `a on host-a: ${phase}: deleted data, logs and binaries`,
      ],
    });
    expect([host.list("/data"), host.list("/opt")]).toEqual([[], []]);
  });

  test.each(["retain", "destroy"])(
    "a member that now belongs to another cluster is left to that cluster (%s)",
    (policy) => {
      const host = newHost();
      runningHost(host);
      host.write("/var/lib/cdktf-etcd/a/claim", "member=a\ncluster=stack/renamed\n");
      const running = pid(host);
      for (const [name, leave] of Object.entries({ shutdown, decommission })) {
        expect(leave(host, policy)).toEqual({
          code: 0,
          lines: [`a on host-a: ${name}: this member now belongs to the cluster stack/renamed, and is left to it`],
        });
      }
      expect(pid(host)).toBe(running);
      expect(host.has("/data/etcd/member/wal/0.wal") && host.has("/etc/supervisor/conf.d/etcd-server.ini")).toBe(true);
      host.write("/var/lib/cdktf-etcd/a/claim", "member=a\ncluster=stack/etcd\n");
      expect(shutdown(host, policy).lines[0]).toBe(said("stopped and unregistered"));
      expect(pid(host)).toBe("");
    },
  );

  test("data without this member's started mark are left alone, even with the policy destroy", () => {
    const host = newHost();
    runningHost(host);
    rmSync(host.path("/var/lib/cdktf-etcd/a/started"));
    expect(shutdown(host, "destroy")).toEqual({
      code: 0,
      lines: [said("stopped and unregistered")],
    });
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
    expect(host.has("/data/logs/etcd.log")).toBe(true);
    expect(host.has("/opt/etcd/etcd")).toBe(true);
  });

  test("the policy destroy also deletes what was staged and never ran, including the key", () => {
    const host = newHost();
    stagedHost(host);
    rmSync(host.path("/data/logs/etcd.log"));
    host.call('put_directory "$DATA_DIR" 700');
    expect(shutdown(host, "retain")).toEqual({ code: 0, lines: [] });
    expect(host.has("/opt/etcd-v3.6.14/certs/etcd-peer-key.pem")).toBe(true);
    expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [said("deleted what was staged and never ran")] });
    expect([host.list("/data"), host.list("/opt")]).toEqual([[], []]);
    expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [] });
  });

  test.each([
    ["data", "/data/etcd/member/wal/0.wal"],
    ["a supervisor program", "/etc/supervisor/conf.d/etcd-server.ini"],
    ["another member's mark", "/var/lib/cdktf-etcd/b/started"],
  ])("where there is %s, something has run, and nothing is deleted without this member's mark", (_, path) => {
    const host = newHost();
    stagedHost(host);
    host.write(path, "");
    expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [] });
    expect(host.has("/opt/etcd/etcd")).toBe(true);
  });

  test.each([
    ["the data", "/data/etcd", ["/data/etcd", "/data/logs", "/opt/etcd", "/opt/etcd-v3.6.14"]],
    ["the logs", "/data/logs/etcd.log", ["/data/logs", "/opt/etcd", "/opt/etcd-v3.6.14"]],
    ["the binaries", "/opt/etcd-v3.6.14", ["/data/logs", "/opt/etcd", "/opt/etcd-v3.6.14"]],
    ["the link to the binaries", "/opt/etcd", ["/data/logs", "/opt/etcd"]],
    ["the mark, which comes last", "/var/lib/cdktf-etcd/a", []],
  ])("if a shutdown is killed before it deletes %s, the next run deletes the rest", (_, target, left) => {
    const host = newHost();
    runningHost(host);
    host.stub(
      "rm",
      `for argument; do
  [ "$argument" != '${host.path(target)}' ] || { kill -9 $PPID; exit; }
  case $argument in -*) options=$argument ;; *) '${host.path("/bin/rm")}' "$options" "$argument" ;; esac
done`,
    );
    const killed = shutdown(host, "destroy");
    // The run ends by the signal, or with the code that the shell around it makes of that signal.
    expect([null, 128 + 9]).toContain(killed.code);
    expect(killed.lines.filter((line) => line.startsWith("a on host-a"))).toEqual([said("stopped and unregistered")]);
    const installed = ["/data/etcd", "/data/logs", "/opt/etcd", "/opt/etcd-v3.6.14"];
    const there = (path: string) => lstatSync(host.path(path), { throwIfNoEntry: false }) !== undefined;
    expect(installed.filter(there)).toEqual(left);
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(true);

    host.unstub("rm");
    expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [said("deleted data, logs and binaries")] });
    expect([...installed, "/var/lib/cdktf-etcd/a"].filter(there)).toEqual([]);
    expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [] });
  });

  test.each([
    ["the binaries", "/opt/etcd-v3.6.14", [".sha256"]],
    ["the record of this member", "/var/lib/cdktf-etcd/a", ["claim", "started"]],
  ])("if a shutdown is killed in the middle of %s, the next run deletes the rest", (_, directory, first) => {
    const host = newHost();
    runningHost(host);
    host.call("claim_host");
    host.write("/var/lib/cdktf-etcd/a/snapshots/3.5.0-before-3.6.14.db", "");
    // Of what is in a directory, rm may delete these first.
    const files = first.map((name) => `'${host.path(`${directory}/${name}`)}'`).join(" ");
    host.stub(
      "rm",
      `for argument; do
  [ "$argument" != '${host.path(directory)}' ] || { '${host.path("/bin/rm")}' ${files}; kill -9 $PPID; exit; }
done
exec '${host.path("/bin/rm")}' "$@"`,
    );
    expect(shutdown(host, "destroy").code).not.toBe(0);
    host.unstub("rm");
    expect(shutdown(host, "destroy").code).toBe(0);
    expect(host.has(directory) ? host.list(directory) : []).toEqual([]);
  });

  test("a supervisord that is starting is told again to stop an etcd that keeps crashing and is just down", () => {
    const host = newHost();
    runningHost(host);
    const real = host.read("/stubs/supervisorctl");
    host.stub(
      "supervisorctl",
      `case "$*" in *stop*) [ -e '${host.path("/asked")}' ] || { : >'${host.path("/asked")}'; echo "$1" >>"$CALLS"; echo "unix:///var/run/supervisor.sock refused connection"; exit 4; } ;; esac
${real.replace(/^#!.*\n/, "")}`,
    );
    expect(host.call("is_stopped() { :; }; stop_program")).toEqual({ code: 0, lines: [] });
    expect(pid(host)).toBe("");
  });

  test("an etcd that does not stop is a failure, and it stays registered and keeps its data", () => {
    const host = newHost();
    runningHost(host);
    const running = pid(host);
    host.stub("supervisorctl", "exit 1");
    expect(shutdown(host, "destroy")).toEqual({
      code: 1,
      lines: [
        `a on host-a: shutdown failed: etcd does not stop: supervisorctl stop a:a gave no answer; to do: stop process ${running}, and run this again`,
      ],
    });
    expect(host.has("/etc/supervisor/conf.d/etcd-server.ini")).toBe(true);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });

  test.each(["retain", "destroy"])(
    "an etcd that runs without a supervisor program is a failure, and nothing is deleted (%s)",
    (policy) => {
      const host = newHost();
      runningHost(host);
      const running = pid(host);
      rmSync(host.path("/etc/supervisor/conf.d/etcd-server.ini"));
      expect(shutdown(host, policy)).toEqual({
        code: 1,
        lines: [
          `a on host-a: shutdown failed: etcd runs (process ${running}), and supervisor has no program a here that could be stopped; to do: stop that process, make sure that nothing starts it again, and run this again`,
        ],
      });
      expect(pid(host)).toBe(running);
      expect(
        ["/data/etcd/member/wal/0.wal", "/opt/etcd/etcd", "/opt/etcd/certs"].filter((path) => !host.has(path)),
      ).toEqual([]);
    },
  );

  test("an upload that no stage has used is deleted, including the key in it", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", "of a killed deploy");
    expect(shutdown(host)).toEqual({ code: 0, lines: [] });
    expect(host.has("/home/.cdktf-etcd")).toBe(false);
  });

  describe("the policy destroy keeps what a member of another cluster has claimed since:", () => {
    /** Claims these places for that member, `x`. */
    const claimedByX = (places: string) =>
      `MEMBER=x; STATE_DIR=\${STATE_DIR%/*}/x; CLAIM=$STATE_DIR/claim; MADE=$STATE_DIR/made; CLUSTER=two; SUPERVISOR_INI=x; PEER_URL=https://127.0.0.1:3380; ${places} claim_host`;

    test("an older installRoot and logDir of this member", () => {
      const host = newHost();
      runningHost(host);
      host.call("claim_host");
      const move = `INSTALL_ROOT='${host.path("/srv/a")}'; LOG_DIR='${host.path("/srv/log")}'; CURRENT=$INSTALL_ROOT/etcd; VERSIONED=$INSTALL_ROOT/etcd-v$VERSION;`;
      host.call(`${move} claim_host`);
      expect(host.call(claimedByX(`DATA_DIR='${host.path("/srv/x")}';`))).toEqual({ code: 0, lines: [] });
      const run = host.call(`${move} trap 'leave $?' EXIT; phase_shutdown`, {
        PHASE: "shutdown",
        CLUSTER: "stack/etcd",
        REMOVAL_POLICY: "destroy",
      });
      expect(run).toEqual({
        code: 0,
        lines: [said("stopped and unregistered"), said("deleted data, logs and binaries")],
      });
      expect([host.list("/opt"), host.list("/data/logs")]).toEqual([["etcd", "etcd-v3.6.14"], ["etcd.log"]]);
      expect(host.list("/var/lib/cdktf-etcd")).toEqual(["x"]);
    });

    test("all places, after this member was destroyed", () => {
      const host = newHost();
      stagedHost(host);
      expect(host.call(claimedByX(""))).toEqual({ code: 0, lines: [] });
      expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [] });
      expect(host.has("/opt/etcd/certs/etcd-peer-key.pem")).toBe(true);
      expect(host.list("/data/logs")).toEqual(["etcd.log"]);
    });

    test("all places, after this member was shut down and its data were kept", () => {
      const host = newHost();
      runningHost(host);
      host.call("claim_host");
      expect(shutdown(host).code).toBe(0);
      expect(host.call(claimedByX(""))).toEqual({ code: 0, lines: [] });
      expect(shutdown(host, "destroy")).toEqual({ code: 0, lines: [] });
      expect(host.has("/data/etcd/member/wal/0.wal") && host.has("/opt/etcd/etcd")).toBe(true);
    });

    test("a directory inside this member's old data directory", () => {
      const host = newHost();
      runningHost(host);
      host.call("claim_host");
      expect(shutdown(host).code).toBe(0);
      host.write("/data/etcd/x/member/wal/0.wal", "");
      const places = [
        "INSTALL_ROOT=@/srv/x",
        "DATA_DIR=@/data/etcd/x",
        "LOG_DIR=@/srv/log",
        "CURRENT=$INSTALL_ROOT/etcd",
      ];
      expect(host.call(claimedByX(`${places.join("; ").replace(/@/g, host.root)};`))).toEqual({ code: 0, lines: [] });
      shutdown(host, "destroy");
      expect(host.has("/data/etcd/x/member/wal/0.wal")).toBe(true);
    });
  });

  describe("a member that has left the program", () => {
    const clusterHost = () => {
      const host = newHost({ props: { ports: { client: own.port } } });
      return { host, cluster: runningHost(host) };
    };
    const REFUSED = {
      code: 3,
      lines: [
        "a on host-a: decommission refused: still a member: the cluster still counts on this member, so it was not stopped; to do: run '. /opt/etcd/etcdctl.env; etcdctl member remove 1'; Terraform has forgotten this member and does not run this again, so clean up on this host by hand, see docs/replace-member.md#clean-up-a-host-by-hand",
      ],
    };

    test.each(["retain", "destroy"])("is not stopped while it is still a member of the cluster (%s)", (policy) => {
      const { host } = clusterHost();
      const before = pid(host);
      expect(decommission(host, policy)).toEqual(REFUSED);
      expect(pid(host)).toBe(before);
      expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
      expect(host.has("/etc/supervisor/conf.d/etcd-server.ini")).toBe(true);
    });

    test.each(["retain", "destroy"])(
      "is left as it is if its etcd has just crashed, and the others count on it (%s)",
      async (policy) => {
        const both = await listenOn("127.0.0.1", "127.0.0.2");
        const host = newHost({ props: { ports: { client: both.port } } });
        const cluster = runningHost(host);
        host.call("supervisorctl stop a");
        cluster.unhealthy("a");
        // An answer that is lost is none.
        cluster.loseOnce("member list");
        expect(decommission(host, policy)).toEqual(REFUSED);
        expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
        both.close();
      },
    );

    test("that is stopped is removed if the others do not count on it, or do not answer", async () => {
      const both = await listenOn("127.0.0.1", "127.0.0.2");
      const host = newHost({ props: { ports: { client: both.port } } });
      const cluster = runningHost(host);
      host.call("supervisorctl stop a");
      cluster.unhealthy("ab");
      expect(decommission(host).lines[0]).toBe("a on host-a: decommission: stopped and unregistered");
      both.close();
    });

    test("is stopped without asking the cluster if the whole cluster is destroyed", () => {
      const { host, cluster } = clusterHost();
      expect(shutdown(host).code).toBe(0);
      expect(pid(host)).toBe("");
      expect(cluster.calls()).toEqual([]);
    });

    test("is stopped if the cluster no longer has it", () => {
      const { host, cluster } = clusterHost();
      cluster.members("b", "c");
      expect(decommission(host)).toEqual({
        code: 0,
        lines: [
          "a on host-a: decommission: stopped and unregistered",
          "a on host-a: decommission: data kept in /data/etcd",
        ],
      });
      expect(pid(host)).toBe("");
    });

    test("is stopped if its etcd does not answer and another member says that it was removed", async () => {
      const both = await listenOn("127.0.0.1", "127.0.0.2");
      const host = newHost({ props: { ports: { client: both.port } } });
      const cluster = runningHost(host);
      cluster.unhealthy("a");
      cluster.members("b", "c");
      expect(decommission(host).lines[0]).toBe("a on host-a: decommission: stopped and unregistered");
      both.close();
    });

    test("is not stopped if its etcd runs but does not answer, because it is unknown whether it is still a member", () => {
      const { host, cluster } = clusterHost();
      const before = pid(host);
      cluster.unhealthy("a");
      expect(decommission(host)).toEqual({
        code: 3,
        lines: [
          "a on host-a: decommission refused: still a member: its etcd runs but does not answer, so it is unknown whether the cluster still counts on it; it was not stopped; to do: if '. /opt/etcd/etcdctl.env; etcdctl member list' on another host still has it, run 'etcdctl member remove ID' there; Terraform has forgotten this member and does not run this again, so clean up on this host by hand, see docs/replace-member.md#clean-up-a-host-by-hand",
        ],
      });
      expect(pid(host)).toBe(before);
    });

    test("whatever a failure says, it never promises another run, because Terraform forgets the member", () => {
      const { host, cluster } = clusterHost();
      cluster.members("b", "c");
      const running = pid(host);
      host.stub("supervisorctl", "exit 1");
      expect(decommission(host).lines).toEqual([
        `a on host-a: decommission failed: etcd does not stop: supervisorctl stop a:a gave no answer; to do: stop process ${running}; Terraform has forgotten this member and does not run this again, so clean up on this host by hand, see docs/replace-member.md#clean-up-a-host-by-hand`,
      ]);
      const failing = host.call("trap 'explain_exit $?' EXIT; (exit 7)", { PHASE: "decommission" });
      expect(failing.lines).toEqual([
        "a on host-a: decommission failed: a command exited with code 7; to do: correct that; Terraform has forgotten this member and does not run this again, so clean up on this host by hand, see docs/replace-member.md#clean-up-a-host-by-hand",
      ]);
    });

    test("leaves its data but no key of any version, because a member that comes back gets a new key", () => {
      const { host, cluster } = clusterHost();
      cluster.members("b", "c");
      host.call("claim_host");
      host.write("/opt/etcd-v3.7.1/.sha256", "");
      host.write("/opt/etcd-v3.7.1/certs.1/etcd-peer-key.pem", "staged");
      host.write("/opt/etcd-v3.5.0-by-hand/certs.1/etcd-peer-key.pem", "somebody's");
      expect(decommission(host).code).toBe(0);
      expect(host.list("/opt/etcd-v3.7.1")).toEqual([".sha256"]);
      expect(host.list("/opt/etcd-v3.6.14").filter((name) => name.startsWith("certs"))).toEqual([]);
      expect(host.has("/opt/etcd-v3.5.0-by-hand/certs.1/etcd-peer-key.pem")).toBe(true);
      expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
    });

    test("needs nothing more after a shutdown of the whole cluster", () => {
      const { host } = clusterHost();
      shutdown(host, "destroy");
      expect(decommission(host, "destroy")).toEqual({ code: 0, lines: [] });
    });
  });
});
