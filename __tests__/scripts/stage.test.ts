import { readlinkSync, rmSync, statSync } from "node:fs";
import { etcdFlags } from "../../src/render/etcd-flags";
import { HOST_TEXT } from "../support/host-scripts";
import { type ClusterSettings, EtcdBackups } from "../../src/settings";
import { listenOn } from "../support/fake-etcd";
import { installSupervisor, supervisorChanges } from "../support/fake-supervisor";
import { type Host, RECORD } from "../support/host";
import { answerHandshakes, checkData, phase, pid, runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";
import { base64, makePki } from "../support/test-pki";

const pki = makePki();
const ETCDCTL_ENV = "ETCDCTL_ENDPOINTS='https://10.4.7.12:2379'\n";
const STARTUP = "/opt/etcd-v3.6.14/etcd-server-startup.sh";
const INI_NEXT = "/opt/etcd-v3.6.14/etcd-server.ini.next";
const said = (text: string) => `a on host-a: stage: ${text}`;

/** Uploads the key and runs the phase as Terraform does. */
function stage(host: Host, changed: Partial<ClusterSettings> = {}, programIni = host.programIni(), bundle = pki.ca) {
  host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", pki.key);
  return host.phase("stage", {
    ...checkData(bundle, pki.cert, pki.ca),
    STARTUP_BASE64: base64(host.startupScript(changed)),
    PROGRAM_INI_BASE64: base64(programIni),
    ETCDCTL_ENV_BASE64: base64(ETCDCTL_ENV),
    BACKUP_BASE64: "",
    BACKUP_INI_BASE64: "",
    DEFRAGMENTATION_BASE64: "",
    DEFRAGMENTATION_INI_BASE64: "",
  });
}

/** All files under these paths that do not belong to root. */
function ownedByOthers(host: Host, ...paths: string[]): string[] {
  const { lines } = host.call(`find ${paths.map((path) => host.path(path)).join(" ")} ! -uid 0 | sort`);
  return lines.map((line) => line.replace(/certs\.[0-9a-f]+/, "certs.X"));
}

const mode = (host: Host, path: string) => (statSync(host.path(path)).mode & 0o7777).toString(8);

inEachShell((newHost) => {
  /** A host with supervisor, and with binaries that were unpacked before. */
  function cleanHost(): Host {
    const host = newHost();
    installSupervisor(host);
    for (const tool of ["etcd", "etcdctl"]) host.write(`/opt/etcd-v3.6.14/${tool}`, "#!/bin/sh\n", 0o755);
    host.write("/opt/etcd-v3.6.14/.sha256", `${host.archiveSha256}\n`);
    return host;
  }

  /** A host whose member runs, with certificates of the same CA. */
  function stagedBefore(host = newHost()): Host {
    runningHost(host);
    host.write("/opt/etcd-v3.6.14/certs.0/ca.pem", pki.ca);
    // A TLS handshake with the running etcd shows the new leaf.
    answerHandshakes(host, `cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}'`);
    return host;
  }

  describe("a member that is not a founder", () => {
    const FOUNDERS = "x=https://127.0.0.9:2380";
    const refuse = (host: Host, data: { [key: string]: string }) =>
      host.call("refuse_without_cluster", { PHASE: "stage", ...data });

    test("is refused if no other member in the program can add it, because all members were moved at once", () => {
      const host = newHost({ props: { ports: { client: 1 } } });
      expect(refuse(host, { FOUNDERS })).toEqual({
        code: 3,
        lines: [
          "a on host-a: stage refused: membership: this member is new, and none of the program's other members accepts a connection: https://127.0.0.2:1 https://127.0.0.3:1, so there is no cluster that it could join; to do: keep at least one of the cluster's members in the program, and move the others one after the other (docs/replace-member.md#move-a-member-to-another-host); if their etcd is down, bring it back first",
        ],
      });
      expect(refuse(host, { FOUNDERS: `${FOUNDERS},a=${host.member.peerUrl}` }).lines).toEqual([]);
      host.write("/data/etcd/member/wal/0.wal", "");
      expect(refuse(host, { FOUNDERS }).lines).toEqual([]);
    });

    test("is refused with another reason if another member runs, and listens for clients at its former port", async () => {
      const other = await listenOn("127.0.0.3");
      const host = newHost({ props: { ports: { client: 1, peer: other.port } } });
      const run = refuse(host, { FOUNDERS });
      other.close();
      expect(run).toEqual({
        code: 3,
        lines: [
          `a on host-a: stage refused: membership: this member must join, and another one runs (https://127.0.0.3:${other.port}) that does not listen at https://127.0.0.3:1: ports.client changes in the same deploy; to do: set ports.client back, apply, and change it after that`,
        ],
      });
    });

    test("is staged if another member accepts connections", async () => {
      const other = await listenOn("127.0.0.3");
      const host = newHost({ props: { ports: { client: other.port } } });
      expect(refuse(host, { FOUNDERS }).lines).toEqual([]);
      other.close();
    });
  });

  test("everything is installed beside what runs, and nothing is started", () => {
    const host = cleanHost();
    expect(stage(host)).toEqual({
      code: 0,
      lines: [said("installed the certificates in /opt/etcd-v3.6.14/certs"), said("staged")],
    });
    expect(readlinkSync(host.path("/opt/etcd"))).toBe("etcd-v3.6.14");
    expect(host.read(`${STARTUP}.next`)).toBe(host.startupScript());
    expect(host.read(INI_NEXT)).toBe(host.programIni());
    expect(host.read("/opt/etcd/etcdctl.env")).toBe(ETCDCTL_ENV);
    expect(host.read("/opt/etcd/certs/etcd-peer.pem")).toBe(pki.cert);
    expect(
      ["/data", "/data/etcd", "/data/logs", `${STARTUP}.next`, INI_NEXT, "/opt/etcd/etcdctl.env"].map((path) =>
        mode(host, path),
      ),
    ).toEqual(["755", "700", "755", "755", "644", "644"]);
    // There is no supervisor program and no started mark yet; both come with the first start.
    expect(host.has("/etc/supervisor/conf.d/etcd-server.ini")).toBe(false);
    expect(host.list("/var/lib/cdktf-etcd/a")).toEqual(["claim", "made"]);
    expect(host.calls("supervisorctl")).toEqual(["pid"]);
    expect(host.has("/home/.cdktf-etcd")).toBe(false);
  });

  test("data of another peer URL that were moved away, as the refusal says, leave no mark by which this member's own are refused", () => {
    const host = cleanHost();
    host.write("/data/etcd/member/wal/0.wal", "");
    host.write("/data/etcd/.cdktf-etcd", "member=a\npeer_url=https://127.0.0.9:2380\n");
    host.write("/var/lib/cdktf-etcd/a/started", "https://127.0.0.9:2380\n");
    host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"');
    expect(stage(host).lines[0]).toContain("or, if these data are no longer needed, move them away");
    host.call('mv "$DATA_DIR" "$DATA_DIR.old"');
    expect(stage(host).code).toBe(0);
    // This member's first start.
    host.call('mkdir -p "$DATA_DIR/member/wal"; : >"$DATA_DIR/member/wal/0.wal"; mark_started');
    host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"');
    expect(stage(host)).toEqual({ code: 0, lines: [said("staged")] });
    expect(host.read("/data/etcd/.cdktf-etcd")).toBe(`member=a\npeer_url=${host.member.peerUrl}\n`);
  });

  describe("what the preflight of the same deploy has just checked", () => {
    const NOTE = "/run/cdktf-etcd/a.checked";
    const TAKEN = /^a on host-a: stage refused: peer port: /;

    /** A host whose preflight has passed, and on which somebody takes the peer port a moment later. */
    function checkedHost(meanwhile: (host: Host) => void = () => undefined): Host {
      const host = cleanHost();
      host.stub("ss", "");
      expect(host.phase("preflight", checkData(pki.ca, pki.cert)).code).toBe(0);
      host.stub("ss", `echo 'LISTEN 0 4096 127.0.0.1:2380 *:* users:(("other",pid=7,fd=3))'`);
      meanwhile(host);
      return host;
    }

    test("is not checked again, once", () => {
      const host = checkedHost();
      expect(host.read(NOTE)).toMatch(/^\d+ [0-9a-f]{64}\n$/);
      expect(stage(host).code).toBe(0);
      expect(host.has(NOTE)).toBe(false);
      expect(stage(host).lines[0]).toMatch(TAKEN);
    });

    const noted = (host: Host) => host.read(NOTE).trim().split(" ");
    test.each<[string, (host: Host) => void]>([
      ["another phase has worked on the member since", (host) => host.call("take_lock")],
      ["the facts of this deploy are others", (host) => host.write(NOTE, `${noted(host)[0]} ${"0".repeat(64)}\n`)],
      ["it was checked 16 s ago", (host) => host.write(NOTE, `${Number(noted(host)[0]) - 16} ${noted(host)[1]}\n`)],
      ["the note was written in part", (host) => host.write(NOTE, noted(host)[0])],
      ["there is nothing in the note", (host) => host.write(NOTE, "")],
    ])("is checked again if %s", (_, meanwhile) => {
      expect(stage(checkedHost(meanwhile)).lines[0]).toMatch(TAKEN);
    });

    test("is not noted if another phase has worked on the member during the preflight", () => {
      const host = cleanHost();
      const preflight = (checks: string) =>
        host.call(`all_checks() { ${checks}; }; phase_preflight`, checkData(pki.ca, pki.cert)).code;
      expect(preflight(":")).toBe(0);
      expect(host.read(NOTE)).toMatch(/^\d+ [0-9a-f]{64}\n$/);
      expect(preflight("(take_lock)")).toBe(0);
      expect(host.has(NOTE)).toBe(false);
    });

    test("is not noted while another phase works on the member", () => {
      const host = cleanHost();
      host.call(
        `
take_lock
PHASE=preflight begin_checks
PHASE=preflight note_checks
`,
        checkData(pki.ca, pki.cert),
      );
      expect(host.read(NOTE)).toMatch(/^\d+\n$/);
    });
  });

  test("a host that does not have the member's address is refused", () => {
    const host = cleanHost();
    host.stub("ip", "exit 0");
    const run = stage(host);
    expect([run.code, run.lines[0]]).toEqual([3, expect.stringMatching(/^a on host-a: stage refused: address: /)]);
    expect(host.has(`${STARTUP}.next`)).toBe(false);
  });

  test("a missing etcdctl makes the stage ask for the archive again", () => {
    const host = cleanHost();
    rmSync(host.path("/opt/etcd-v3.6.14/etcdctl"));
    expect(stage(host).lines.at(-1)).toMatch(/ is not on this host, although its archive was pushed before; /);
  });

  describe("backups", () => {
    const PROGRAM = "/var/lib/cdktf-etcd/a/backup";
    const INI = "/etc/supervisor/conf.d/etcd-server-backup.ini";
    const backupHost = () =>
      stagedBefore(newHost({ props: { backups: EtcdBackups.onHosts({ directory: "/backups" }) } }));
    /** The directory of the props is the machine's own; here it is the host's. */
    const sideData = (host: Host, program: string) => ({
      BACKUP_DIR: host.path("/data/backups"),
      BACKUP_BASE64: base64(program),
      BACKUP_INI_BASE64: base64("[program:a-backup]\ncommand=sleep 1\n"),
      DEFRAGMENTATION_BASE64: base64("echo defragmentation\n"),
      DEFRAGMENTATION_INI_BASE64: base64("[program:a-defragmentation]\ncommand=sleep 1\n"),
    });
    const stageSides = (host: Host, sides: string, program = "echo one\n") => {
      host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", pki.key);
      return host.phase("stage", {
        ...checkData(pki.ca, pki.cert, pki.ca),
        STARTUP_BASE64: base64(host.startupScript()),
        PROGRAM_INI_BASE64: base64(host.programIni()),
        ETCDCTL_ENV_BASE64: base64(ETCDCTL_ENV),
        SIDE_PROGRAMS: sides,
        ...sideData(host, program),
      });
    };
    const stageBackups = (host: Host, program: string) => stageSides(host, "backup", program);

    test("get a supervisor program of their own, beside an etcd that keeps running", () => {
      const host = backupHost();
      const before = pid(host);
      expect(stageBackups(host, "echo one\n").lines).toContain(said("backups go to /data/backups"));
      expect(host.read(PROGRAM)).toBe("echo one\n");
      expect([mode(host, PROGRAM), mode(host, INI), mode(host, "/data/backups")]).toEqual(["700", "644", "700"]);
      expect(readlinkSync(host.path("/etc/supervisor/conf.d/etcd-server-backup.conf"))).toBe("etcd-server-backup.ini");
      expect(supervisorChanges(host)).toEqual(["update a-backup"]);
      expect(host.read("/var/lib/cdktf-etcd/a/claim")).toContain("backup_dir=");
      expect(pid(host)).toBe(before);
    });

    test("are left alone if nothing has changed, and restarted alone if their program has", () => {
      const host = backupHost();
      stageBackups(host, "echo one\n");
      host.forgetCalls();
      expect(stageBackups(host, "echo one\n").lines).not.toContain(said("backups go to /data/backups"));
      expect(supervisorChanges(host)).toEqual([]);
      const before = pid(host);
      stageBackups(host, "echo two\n");
      expect(supervisorChanges(host)).toEqual(["update a-backup", "restart a-backup:a-backup"]);
      expect(pid(host)).toBe(before);
    });

    test("are as they were before, if a stage was killed when it had changed their program, and the change is taken back", () => {
      const host = backupHost();
      stageBackups(host, "echo one\n");
      const killed = "update_program() { kill -9 $$; }; as_side_program backup install_side_program";
      expect(host.call(killed, sideData(host, "echo two\n")).code).not.toBe(0);
      expect(host.read(PROGRAM)).toBe("echo two\n");
      stageBackups(host, "echo one\n");
      expect(host.read(PROGRAM)).toBe("echo one\n");
    });

    test.each(["FATAL", "STOPPED"])("start if supervisor has them as %s, and their program has changed", (state) => {
      const host = backupHost();
      stageBackups(host, "echo one\n");
      host.write("/run/supervisord/a-backup.state", state);
      expect(stageBackups(host, "echo two\n").lines).toContain(said("backups go to /data/backups"));
      expect(host.call("supervisorctl status a-backup:a-backup").lines).toEqual([
        expect.stringMatching(/^a-backup +RUNNING /),
      ]);
    });

    test("and a defragmentation stand beside each other, and each ends alone", () => {
      const host = backupHost();
      const before = pid(host);
      expect(stageSides(host, "backup defragmentation").lines).toContain(
        said("defragmentation is on: see /data/logs/etcd-defragmentation.log"),
      );
      expect(host.read("/var/lib/cdktf-etcd/a/defragmentation")).toBe("echo defragmentation\n");
      expect(supervisorChanges(host)).toEqual(["update a-backup", "update a-defragmentation"]);
      host.forgetCalls();
      expect(stageSides(host, "backup").lines).toContain(said("stopped the defragmentation program"));
      expect(supervisorChanges(host).slice(0, 2)).toEqual([
        "stop a-defragmentation:a-defragmentation",
        "remove a-defragmentation",
      ]);
      expect([host.has("/var/lib/cdktf-etcd/a/defragmentation"), host.has(PROGRAM)]).toEqual([false, true]);
      expect(pid(host)).toBe(before);
    });

    test("end when the program no longer has them, and when the member is removed; what was backed up is kept", () => {
      for (const end of [
        (host: Host) => stageSides(host, ""),
        (host: Host) => phase(host, "shutdown", { CLUSTER: "stack/etcd", REMOVAL_POLICY: "destroy", BACKUP_DIR: "" }),
      ]) {
        const host = backupHost();
        stageBackups(host, "echo one\n");
        host.write("/data/backups/a-20261126T184500Z.db", "a snapshot");
        host.forgetCalls();
        expect(end(host).lines.join("\n")).toContain("stopped the backups; those in /data/backups are kept");
        expect(supervisorChanges(host).slice(0, 2)).toEqual(["stop a-backup:a-backup", "remove a-backup"]);
        expect([host.has(PROGRAM), host.has(INI)]).toEqual([false, false]);
        expect(host.list("/data/backups")).toEqual(["a-20261126T184500Z.db"]);
      }
    });

    test("go on if a stage was killed when it had stopped them, and the program has them again", () => {
      const host = backupHost();
      stageBackups(host, "echo one\n");
      host.call("forget_program() { kill -9 $$; }; drop_side_programs", { BACKUP_DIR: "" });
      expect(stageBackups(host, "echo one\n").lines).toContain(said("backups go to /data/backups"));
      expect(host.call("supervisorctl status a-backup:a-backup").lines).toEqual([
        expect.stringMatching(/^a-backup +RUNNING /),
      ]);
    });

    test("leave neither metrics nor a half of a snapshot if the phase that ends them is killed and runs again", () => {
      const host = backupHost();
      const [metrics, phasePid] = [host.path("/data/metrics"), host.path("/run/phase")];
      stageBackups(host, `[ "$1" != forget ] || rm -f '${metrics}'\n`);
      host.write("/data/metrics", "");
      host.write("/data/backups/.a.part", "");
      const real = host.read("/stubs/supervisorctl");
      host.stub(
        "supervisorctl",
        `${real.replace(/^#!.*\n/, "")}\ncase $command in reread) kill -9 "$(cat '${phasePid}')" ;; esac`,
      );
      host.call(`echo $$ >'${phasePid}'; drop_side_programs`, { BACKUP_DIR: "" });
      host.write("/stubs/supervisorctl", real, 0o755);
      stageSides(host, "");
      expect([host.has("/data/metrics"), host.list("/data/backups")]).toEqual([false, []]);
      expect([host.has(PROGRAM), host.has(INI)]).toEqual([false, false]);
    });
  });

  test("a missing link to the ini file is created again before a restart needs it", () => {
    const host = stagedBefore();
    rmSync(host.path("/etc/supervisor/conf.d/etcd-server.conf"));
    expect(stage(host).code).toBe(0);
    expect(readlinkSync(host.path("/etc/supervisor/conf.d/etcd-server.conf"))).toBe("etcd-server.ini");
  });

  describe("files that were rolled out and then changed by hand", () => {
    const edited = (edit: (host: Host) => void) => {
      const host = stagedBefore();
      stage(host);
      host.call("remember_rolled_out");
      edit(host);
      return host;
    };
    const PUT_BACK = said(
      "restored the startup script and the supervisor program, which somebody had changed on this host",
    );

    test("are put back by a stage, because no rollout follows", () => {
      const host = edited((host) => {
        host.write(STARTUP, `${host.startupScript()}# by hand\n`, 0o755);
        host.write("/etc/supervisor/conf.d/etcd-server.ini", `${host.programIni()}; by hand\n`);
      });
      const before = pid(host);
      expect(stage(host).lines).toContain(PUT_BACK);
      expect(host.read(STARTUP)).toBe(host.startupScript());
      expect(host.read("/etc/supervisor/conf.d/etcd-server.ini")).toBe(host.programIni());
      expect(host.list("/opt/etcd").filter((name) => name.endsWith(".next"))).toEqual([]);
      expect(pid(host)).toBe(before);
    });

    test("are not confused with a restart that is pending for another reason", () => {
      const host = edited((host) => host.write("/var/lib/cdktf-etcd/a/restart-pending", ""));
      expect(stage(host).code).toBe(0);
    });

    const runningEdited = () =>
      edited((host) => {
        host.write(
          STARTUP,
          host.startupScript().replace("--initial-cluster=", "--log-level=debug \\\n  --initial-cluster="),
          0o755,
        );
        host.call("supervisorctl restart a:a");
      });

    test("need a restart if etcd runs with them, although a stage was killed when it had put them back", () => {
      const host = runningEdited();
      host.write(`${STARTUP}.next`, host.startupScript(), 0o755);
      host.call("register_staged_program() { kill -9 $$; }; take_back_edits");
      expect(host.read(STARTUP)).toBe(host.startupScript());
      expect(stage(host).lines.at(-1)).toMatch(/stage failed: somebody had changed the startup script/);
    });

    test("need a restart if etcd runs with them, and each stage asks for it", () => {
      const host = runningEdited();
      for (const lines of [stage(host).lines, stage(host).lines]) {
        expect(lines.at(-1)).toBe(
          "a on host-a: stage failed: somebody had changed the startup script or the supervisor program, and etcd still runs with those changes; to do: to restart this member, run terraform apply -replace='null_resource.rollout'",
        );
      }
    });
  });

  test("in a deploy that may found a cluster, a stopped member with data is started before any founder looks for a cluster", async () => {
    const peer = await listenOn("127.0.0.1");
    const host = stagedBefore(newHost({ props: { ports: { peer: peer.port } } }));
    // It is the test that listens on the port, not etcd.
    host.stub("ss", "true");
    host.call("supervisorctl stop a");
    const founding = (genesis: string, facts: { [name: string]: string } = {}) => {
      host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", pki.key);
      return host.phase("stage", {
        ...facts,
        ...checkData(pki.ca, pki.cert, pki.ca),
        GENESIS: genesis,
        FOUNDERS: `a=${host.member.peerUrl}`,
        STARTUP_BASE64: base64(host.startupScript()),
        PROGRAM_INI_BASE64: base64(host.programIni()),
        ETCDCTL_ENV_BASE64: base64(ETCDCTL_ENV),
        BACKUP_BASE64: "",
        BACKUP_INI_BASE64: "",
        DEFRAGMENTATION_BASE64: "",
        DEFRAGMENTATION_INI_BASE64: "",
      });
    };
    expect(founding("7").lines.at(-1)).toBe(said("started with its data, so that founders see them"));
    expect(pid(host)).not.toBe("");
    // Later deploys of that state start a member that somebody has stopped because the others have no quorum.
    host.call("supervisorctl stop a");
    const started = said("etcd was stopped, and the other members had no quorum: started it");
    expect(founding("7").lines.at(-1)).toBe(started);
    expect(pid(host)).not.toBe("");
    host.call("supervisorctl stop a");
    // No founder would see a member that keeps crashing, although it has data.
    await peer.close();
    const refusal =
      /^a on host-a: stage failed: its etcd, which has data, does not stay up, and no cluster may be founded until it does: .*; to do: correct that, and apply again$/;
    expect(founding("8").lines.at(-1)).toMatch(refusal);
    // Nor does the next apply found one, or one after an archive was pushed, or after a restore that was given up.
    expect(founding("8").lines.at(-1)).toMatch(refusal);
    host.call("claim_host", { GENESIS: "9" });
    expect(founding("9").lines.at(-1)).toMatch(refusal);
    expect(founding("10", { RESTORE: "snapshot.db" })).toMatchObject({ code: 0 });
    expect(founding("10").lines.at(-1)).toMatch(refusal);
  });

  test("a binary that does not run is refused, with how to have it unpacked again", () => {
    const host = cleanHost();
    host.write("/opt/etcd-v3.6.14/etcd", "#!/bin/sh\necho 'panic: broken'\nexit 2\n", 0o755);
    expect(stage(host).lines.at(-1)).toBe(
      "a on host-a: stage refused: binaries: /opt/etcd-v3.6.14/etcd does not run: panic: broken; to do: rm /opt/etcd-v3.6.14/etcd, and apply again, which unpacks it again; if that does not help, check the limits of root's login (ulimit -a)",
    );
  });

  test("flags that the staged etcd does not accept are refused, and nothing is staged", () => {
    const host = cleanHost();
    host.write(
      "/opt/etcd-v3.6.14/etcd",
      `#!/bin/sh\n[ $# -gt 1 ] || exit 0\nprintf '%s\\n' "$@" >'${host.path("/asked")}'\necho 'invalid value "x" for flag -max-wals: parse error'\nexit 2\n`,
      0o755,
    );
    expect(stage(host, { extraFlags: { "max-wals": "it's x" } })).toEqual({
      code: 3,
      lines: [
        'a on host-a: stage refused: flags: etcd 3.6.14 does not accept them: invalid value "x" for flag -max-wals: parse error; to do: correct that flag in the program, and apply again',
      ],
    });
    const flags = etcdFlags(host.cluster, host.member).map(([flag, value]) => `--${flag}=${value}`);
    expect(host.read("/asked").split("\n")).toEqual(["--version", ...flags, "--max-wals=it's x", ""]);
    expect(host.has(STARTUP)).toBe(false);
  });

  testAsRoot(
    "the data directory and the key belong to etcd's user, and everything that root uses belongs to root",
    () => {
      const host = cleanHost();
      stage(host);
      expect(ownedByOthers(host, "/data", "/opt")).toEqual([
        "/data/etcd",
        "/opt/etcd-v3.6.14/certs.X/etcd-peer-key.pem",
      ]);
    },
  );

  testAsRoot("a directory above the data directory that others use is not changed", () => {
    const host = cleanHost();
    host.write("/data/others", "");
    stage(host);
    expect(statSync(host.path("/data")).uid).toBe(0);
  });

  test("an inbox that another deploy opens before the end of this stage is kept", () => {
    const host = stagedBefore();
    const other = host.path("/home/.cdktf-etcd/a/etcd-peer-key.pem");
    // This runs for the TLS handshake, after this deploy's key has been installed.
    answerHandshakes(
      host,
      `mkdir -p "$(dirname '${other}')"; echo key >'${other}'; cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}'`,
    );
    expect(stage(host).code).toBe(0);
    expect(host.read("/home/.cdktf-etcd/a/etcd-peer-key.pem")).toBe("key\n");
  });

  test("staging the same files again leaves nothing that waits for a restart", () => {
    const host = stagedBefore();
    expect(stage(host).code).toBe(0);
    expect([host.has(`${STARTUP}.next`), host.has(INI_NEXT)]).toEqual([false, false]);
  });

  test("a startup script with a changed flag is staged beside the one in use", () => {
    const host = stagedBefore();
    const before = pid(host);
    expect(stage(host, { quotaBackendBytes: 4294967296 }).code).toBe(0);
    expect(host.read(STARTUP)).toBe(host.startupScript());
    expect(host.read(`${STARTUP}.next`)).toBe(host.startupScript({ quotaBackendBytes: 4294967296 }));
    expect(pid(host)).toBe(before);
    // The stage may ask for the program's status, but nothing more.
    expect(host.calls("supervisorctl").filter((call) => call !== "status a:a")).toEqual(["pid"]);
  });

  test("a changed supervisor program is staged beside the registered one", () => {
    const host = stagedBefore();
    const changed = host.programIni().replace("stopwaitsecs=30", "stopwaitsecs=60");
    stage(host, {}, changed);
    expect(host.read(INI_NEXT)).toBe(changed);
    expect(host.read("/etc/supervisor/conf.d/etcd-server.ini")).toBe(host.programIni());
  });

  test("a changed CA bundle is staged beside the one that the running etcd has read", () => {
    const host = stagedBefore();
    const bundle = pki.ca + pki.otherCa;
    expect(stage(host, {}, host.programIni(), bundle).code).toBe(0);
    expect(host.read("/opt/etcd/certs/ca.pem")).toBe(pki.ca);
    expect(host.read("/opt/etcd/certs.next/ca.pem")).toBe(bundle);
    expect(host.call("needs_restart && echo restart").lines).toEqual(["restart"]);
  });

  test("added or removed members change the startup script at once, because they need no restart", () => {
    const host = stagedBefore();
    const members = host.cluster.members.slice(0, 2);
    stage(host, { members });
    expect(host.read(STARTUP)).toBe(host.startupScript({ members }));
    expect(host.has(`${STARTUP}.next`)).toBe(false);
  });

  test("a refusal comes before anything is changed", () => {
    const host = cleanHost();
    host.write("/data/etcd/somebody", "");
    const before = host.list("/opt/etcd-v3.6.14");
    expect(stage(host)).toEqual({
      code: 3,
      lines: [
        "a on host-a: stage refused: data directory: /data/etcd is not empty and does not contain etcd data; to do: move it away, or set paths.dataDir",
      ],
    });
    expect(host.list("/opt/etcd-v3.6.14")).toEqual(before);
    expect(host.has("/opt/etcd")).toBe(false);
    expect(host.list("/data")).toEqual(["etcd"]);
  });

  test("the stage asks for a pushed archive that is no longer on the host", () => {
    const host = newHost();
    installSupervisor(host);
    expect(stage(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: stage failed: etcd 3.6.14 is not on this host, although its archive was pushed before; to do: terraform apply -replace='null_resource.archive'",
      ],
    });
  });

  test("the archive phase unpacks what was pushed, and empties the inbox", () => {
    const host = newHost();
    installSupervisor(host);
    host.write("/home/.cdktf-etcd/a/archive.tar.gz", "not the archive");
    const run = host.phase("archive", checkData(pki.ca, pki.cert));
    expect(run.code).toBe(1);
    expect(run.lines.at(-1)).toMatch(
      /^a on host-a: archive failed: the archive of etcd 3\.6\.14 has sha256 [0-9a-f]{64}, not /,
    );

    host.write("/home/.cdktf-etcd/a/archive.tar.gz", host.archive());
    expect(host.phase("archive", checkData(pki.ca, pki.cert))).toEqual({
      code: 0,
      lines: ["a on host-a: archive: unpacked etcd 3.6.14 to /opt/etcd-v3.6.14"],
    });
    expect(host.has("/home/.cdktf-etcd/a")).toBe(false);
  });

  test("a missing system user is created without a login shell and a home directory", () => {
    const host = newHost();
    expect(host.call("ETCD_USER=cdktf-etcd-nobody; ensure_user")).toEqual({
      code: 0,
      lines: ["a on host-a: test: created the system user cdktf-etcd-nobody"],
    });
    expect(host.calls("useradd")).toEqual([
      "--system --user-group --no-create-home --home-dir /nonexistent --shell /sbin/nologin cdktf-etcd-nobody",
    ]);
  });

  test("an existing group with the user's name becomes the user's group", () => {
    const host = newHost();
    host.stub("getent", `[ "$*" = "group cdktf-etcd-nobody" ] || exit 2`);
    expect(host.call("ETCD_USER=cdktf-etcd-nobody; ensure_user").code).toBe(0);
    expect(host.calls("useradd")).toEqual([
      "--system --gid=cdktf-etcd-nobody --no-create-home --home-dir /nonexistent --shell /sbin/nologin cdktf-etcd-nobody",
    ]);
  });

  test("a user whom the stage of another cluster creates at the same moment is there", () => {
    const host = newHost();
    const created = host.path("/run/created");
    host.stub("getent", `[ "$*" = "passwd etcd-of-both" ] && [ -e ${created} ] || exit 2`);
    host.stub("useradd", `: >${created}; echo "useradd: user 'etcd-of-both' already exists" >&2; exit 9`);
    expect(host.call("ETCD_USER=etcd-of-both; ensure_user").code).toBe(0);
  });

  test("a user that cannot be created is a failure with useradd's reason", () => {
    const host = newHost();
    host.stub("useradd", "echo 'useradd: cannot lock /etc/passwd; try again later.' >&2; exit 1");
    expect(host.call("ETCD_USER=cdktf-etcd-nobody; ensure_user")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: the system user cdktf-etcd-nobody cannot be created: useradd: cannot lock /etc/passwd; try again later.; to do: create it by hand (useradd --system cdktf-etcd-nobody), or set user to one that exists, and apply again",
      ],
    });
  });

  test("no script assumes that the user's group has the user's name", () => {
    expect(HOST_TEXT).not.toMatch(/\$\{?ETCD_USER\}?:\S*ETCD_USER/);
  });

  test("an existing user is left as it is", () => {
    const host = newHost();
    host.stub("useradd", RECORD);
    expect(host.call("ensure_user")).toEqual({ code: 0, lines: [] });
    expect(host.calls("useradd")).toEqual([]);
  });
});
