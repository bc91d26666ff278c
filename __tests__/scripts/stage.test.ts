import { readlinkSync, rmSync, statSync } from "node:fs";
import { etcdFlags } from "../../src/render/etcd-flags";
import { HOST_TEXT } from "../support/host-scripts";
import type { ClusterSettings } from "../../src/settings";
import { listenOn } from "../support/fake-etcd";
import { installSupervisor } from "../support/fake-supervisor";
import { type Host, RECORD } from "../support/host";
import { answerHandshakes, checkData, pid, runningHost } from "../support/phases";
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
  });
}

/** All that does not belong to root. */
function ownedByOthers(host: Host, ...paths: string[]): string[] {
  const { lines } = host.call(`find ${paths.map((path) => host.path(path)).join(" ")} ! -uid 0 | sort`);
  return lines.map((line) => line.replace(/certs\.[0-9a-f]+/, "certs.X"));
}

const mode = (host: Host, path: string) => (statSync(host.path(path)).mode & 0o7777).toString(8);

inEachShell((newHost) => {
  /** A host with a supervisor, and binaries that were unpacked before. */
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
    // A TLS handshake with what runs here; it shows the new leaf.
    answerHandshakes(host, `cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}'`);
    return host;
  }

  describe("a member that is no founder", () => {
    const FOUNDERS = "x=https://127.0.0.9:2380";
    const refuse = (host: Host, data: { [key: string]: string }) =>
      host.call("refuse_without_cluster", { PHASE: "stage", ...data });

    test("is refused where no other member of the program can let it in: all were moved at once", () => {
      const host = newHost({ props: { ports: { client: 1 } } });
      expect(refuse(host, { FOUNDERS })).toEqual({
        code: 3,
        lines: [
          "a on host-a: stage refused: membership: this member is new, and none of the program's other members accepts a connection: https://127.0.0.2:1 https://127.0.0.3:1 , so there is no cluster that it could join; to do: keep in the program at least one member that the cluster has, and move the others one after the other (docs/replace-member.md); if their etcd is down, bring it back first",
        ],
      });
      expect(refuse(host, { FOUNDERS: `${FOUNDERS},a=${host.member.peerUrl}` }).lines).toEqual([]);
      host.write("/data/etcd/member/wal/0.wal", "");
      expect(refuse(host, { FOUNDERS }).lines).toEqual([]);
    });

    test("is staged where one accepts connections", async () => {
      const other = await listenOn("127.0.0.3");
      const host = newHost({ props: { ports: { client: other.port } } });
      expect(refuse(host, { FOUNDERS }).lines).toEqual([]);
      other.close();
    });
  });

  test("everything is put in place beside what runs, and nothing is started", () => {
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
    // Neither a program nor a mark of a life: those come with the start.
    expect(host.has("/etc/supervisor/conf.d/etcd-server.ini")).toBe(false);
    expect(host.list("/var/lib/cdktf-etcd/a")).toEqual(["claim", "made"]);
    expect(host.calls("supervisorctl")).toEqual(["pid"]);
    expect(host.has("/home/.cdktf-etcd")).toBe(false);
  });

  test("a host that has not got the member's address is another one", () => {
    const host = cleanHost();
    host.stub("ip", "exit 0");
    const run = stage(host);
    expect([run.code, run.lines[0]]).toEqual([3, expect.stringMatching(/^a on host-a: stage refused: address: /)]);
    expect(host.has(`${STARTUP}.next`)).toBe(false);
  });

  test("etcdctl that somebody took away comes back with the archive", () => {
    const host = cleanHost();
    rmSync(host.path("/opt/etcd-v3.6.14/etcdctl"));
    expect(stage(host).lines.at(-1)).toMatch(/ is not on this host, though its archive was pushed once; /);
  });

  test("supervisor's name for the program that somebody took away is back before a restart would miss it", () => {
    const host = stagedBefore();
    rmSync(host.path("/etc/supervisor/conf.d/etcd-server.conf"));
    expect(stage(host).code).toBe(0);
    expect(readlinkSync(host.path("/etc/supervisor/conf.d/etcd-server.conf"))).toBe("etcd-server.ini");
  });

  describe("what was rolled out is staged again, while somebody has changed the files by hand", () => {
    const edited = (edit: (host: Host) => void) => {
      const host = stagedBefore();
      stage(host);
      host.call("remember_rolled_out");
      edit(host);
      return host;
    };
    const PUT_BACK = said("put the startup script and the supervisor program back, which somebody had changed here");

    test("they are put back, for no rollout follows", () => {
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

    test("a restart that is pending for another reason is none of that", () => {
      const host = edited((host) => host.write("/var/lib/cdktf-etcd/a/restart-pending", ""));
      expect(stage(host).code).toBe(0);
    });

    test("where etcd goes by what was changed, that takes a restart, which each stage asks for", () => {
      const host = edited((host) => {
        host.write(
          STARTUP,
          host.startupScript().replace("--initial-cluster=", "--log-level=debug \\\n  --initial-cluster="),
          0o755,
        );
        host.call("supervisorctl restart a:a");
      });
      for (const lines of [stage(host).lines, stage(host).lines]) {
        expect(lines.at(-1)).toBe(
          "a on host-a: stage failed: somebody had changed the startup script or the supervisor program, and etcd still goes by that; to do: to restart this member: terraform apply -replace='null_resource.rollout'",
        );
      }
    });
  });

  test("in a deploy that may found a cluster, a stopped member with data is started before any founder looks", async () => {
    const peer = await listenOn("127.0.0.1");
    const host = stagedBefore(newHost({ props: { ports: { peer: peer.port } } }));
    // What listens is the test's, not etcd's.
    host.stub("ss", "true");
    host.call("supervisorctl stop a");
    const founding = (genesis: string) => {
      host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", pki.key);
      return host.phase("stage", {
        ...checkData(pki.ca, pki.cert, pki.ca),
        GENESIS: genesis,
        FOUNDERS: `a=${host.member.peerUrl}`,
        STARTUP_BASE64: base64(host.startupScript()),
        PROGRAM_INI_BASE64: base64(host.programIni()),
        ETCDCTL_ENV_BASE64: base64(ETCDCTL_ENV),
      });
    };
    expect(founding("7").lines.at(-1)).toBe(said("started with its data, which a founder must see"));
    expect(pid(host)).not.toBe("");
    // Later deploys of that state leave one that somebody has stopped.
    host.call("supervisorctl stop a");
    expect(founding("7").lines.at(-1)).toBe(said("staged"));
    expect(pid(host)).toBe("");
    // One that ends again and again is seen by nobody, though it has data.
    await peer.close();
    expect(founding("8").lines.at(-1)).toMatch(
      /^a on host-a: stage failed: its etcd, which has data, does not stay up, and beside it no cluster may be founded: .*; to do: correct that, and apply again$/,
    );
  });

  test("a binary that does not run is refused, with the way to have it unpacked anew", () => {
    const host = cleanHost();
    host.write("/opt/etcd-v3.6.14/etcd", "#!/bin/sh\necho 'panic: broken'\nexit 2\n", 0o755);
    expect(stage(host).lines.at(-1)).toBe(
      "a on host-a: stage refused: binaries: /opt/etcd-v3.6.14/etcd does not run: panic: broken; to do: rm /opt/etcd-v3.6.14/etcd, and apply again: it is then unpacked anew; if that does not help, see what root's login may not (ulimit -a)",
    );
  });

  test("flags that the staged etcd does not take are refused, and nothing of them is staged", () => {
    const host = cleanHost();
    host.write(
      "/opt/etcd-v3.6.14/etcd",
      `#!/bin/sh\n[ $# -gt 1 ] || exit 0\nprintf '%s\\n' "$@" >'${host.path("/asked")}'\necho 'invalid value "x" for flag -max-wals: parse error'\nexit 2\n`,
      0o755,
    );
    expect(stage(host, { extraFlags: { "max-wals": "it's x" } })).toEqual({
      code: 3,
      lines: [
        'a on host-a: stage refused: flags: etcd 3.6.14 does not take them: invalid value "x" for flag -max-wals: parse error; to do: correct that flag in the program, and apply again',
      ],
    });
    const flags = etcdFlags(host.cluster, host.member).map(([flag, value]) => `--${flag}=${value}`);
    expect(host.read("/asked").split("\n")).toEqual(["--version", ...flags, "--max-wals=it's x", ""]);
    expect(host.has(STARTUP)).toBe(false);
  });

  testAsRoot("data directory and key are etcd's user's; all that root uses is root's", () => {
    const host = cleanHost();
    stage(host);
    expect(ownedByOthers(host, "/data", "/opt")).toEqual(["/data/etcd", "/opt/etcd-v3.6.14/certs.X/etcd-peer-key.pem"]);
  });

  testAsRoot("a directory above the data that others use stays as it is", () => {
    const host = cleanHost();
    host.write("/data/others", "");
    stage(host);
    expect(statSync(host.path("/data")).uid).toBe(0);
  });

  test("an inbox that another deploy opens before the end of this stage stays", () => {
    const host = stagedBefore();
    const other = host.path("/home/.cdktf-etcd/a/etcd-peer-key.pem");
    // Called for the TLS handshake, after this deploy's key has been put in place.
    answerHandshakes(
      host,
      `mkdir -p "$(dirname '${other}')"; echo key >'${other}'; cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}'`,
    );
    expect(stage(host).code).toBe(0);
    expect(host.read("/home/.cdktf-etcd/a/etcd-peer-key.pem")).toBe("key\n");
  });

  test("staged again, nothing waits for a restart that was not waiting before", () => {
    const host = stagedBefore();
    expect(stage(host).code).toBe(0);
    expect([host.has(`${STARTUP}.next`), host.has(INI_NEXT)]).toEqual([false, false]);
  });

  test("a changed flag waits beside the script that runs", () => {
    const host = stagedBefore();
    const before = pid(host);
    expect(stage(host, { quotaBackendBytes: 4294967296 }).code).toBe(0);
    expect(host.read(STARTUP)).toBe(host.startupScript());
    expect(host.read(`${STARTUP}.next`)).toBe(host.startupScript({ quotaBackendBytes: 4294967296 }));
    expect(pid(host)).toBe(before);
    // It may ask how the program does; nothing more.
    expect(host.calls("supervisorctl").filter((call) => call !== "status a:a")).toEqual(["pid"]);
  });

  test("a changed program waits beside the one that is registered", () => {
    const host = stagedBefore();
    const changed = host.programIni().replace("stopwaitsecs=30", "stopwaitsecs=60");
    stage(host, {}, changed);
    expect(host.read(INI_NEXT)).toBe(changed);
    expect(host.read("/etc/supervisor/conf.d/etcd-server.ini")).toBe(host.programIni());
  });

  test("a changed CA bundle waits beside the one that the running etcd has read", () => {
    const host = stagedBefore();
    const bundle = pki.ca + pki.otherCa;
    expect(stage(host, {}, host.programIni(), bundle).code).toBe(0);
    expect(host.read("/opt/etcd/certs/ca.pem")).toBe(pki.ca);
    expect(host.read("/opt/etcd/certs.next/ca.pem")).toBe(bundle);
    expect(host.call("needs_restart && echo restart").lines).toEqual(["restart"]);
  });

  test("members that come or go change the script at once, for nobody needs a restart for them", () => {
    const host = stagedBefore();
    const members = host.cluster.members.slice(0, 2);
    stage(host, { members });
    expect(host.read(STARTUP)).toBe(host.startupScript({ members }));
    expect(host.has(`${STARTUP}.next`)).toBe(false);
  });

  test("a refusal comes before anything is touched", () => {
    const host = cleanHost();
    host.write("/data/etcd/somebody", "");
    const before = host.list("/opt/etcd-v3.6.14");
    expect(stage(host)).toEqual({
      code: 3,
      lines: [
        "a on host-a: stage refused: data directory: /data/etcd is not empty and is no data of etcd; to do: move it away, or set paths.dataDir",
      ],
    });
    expect(host.list("/opt/etcd-v3.6.14")).toEqual(before);
    expect(host.has("/opt/etcd")).toBe(false);
    expect(host.list("/data")).toEqual(["etcd"]);
  });

  test("a pushed archive that is gone from the host is asked for again", () => {
    const host = newHost();
    installSupervisor(host);
    expect(stage(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: stage failed: etcd 3.6.14 is not on this host, though its archive was pushed once; to do: terraform apply -replace='null_resource.archive'",
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

  test("a missing system user is made, without login shell and home", () => {
    const host = newHost();
    expect(host.call("ETCD_USER=cdktf-etcd-nobody; ensure_user")).toEqual({
      code: 0,
      lines: ["a on host-a: test: created the system user cdktf-etcd-nobody"],
    });
    expect(host.calls("useradd")).toEqual([
      "--system --user-group --no-create-home --home-dir /nonexistent --shell /sbin/nologin cdktf-etcd-nobody",
    ]);
  });

  test("a group of the user's name that is there already becomes its own", () => {
    const host = newHost();
    host.stub("getent", `[ "$*" = "group cdktf-etcd-nobody" ] || exit 2`);
    expect(host.call("ETCD_USER=cdktf-etcd-nobody; ensure_user").code).toBe(0);
    expect(host.calls("useradd")).toEqual([
      "--system --gid=cdktf-etcd-nobody --no-create-home --home-dir /nonexistent --shell /sbin/nologin cdktf-etcd-nobody",
    ]);
  });

  test("a user that cannot be made is a failure with useradd's reason", () => {
    const host = newHost();
    host.stub("useradd", "echo 'useradd: cannot lock /etc/passwd; try again later.' >&2; exit 1");
    expect(host.call("ETCD_USER=cdktf-etcd-nobody; ensure_user")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: the system user cdktf-etcd-nobody cannot be made: useradd: cannot lock /etc/passwd; try again later.; to do: make it by hand (useradd --system cdktf-etcd-nobody), or set user to one that is there, and apply again",
      ],
    });
  });

  test("no script takes it that the user's group has its name", () => {
    expect(HOST_TEXT).not.toMatch(/\$\{?ETCD_USER\}?:\S*ETCD_USER/);
  });

  test("a user that is there is left as it is", () => {
    const host = newHost();
    host.stub("useradd", RECORD);
    expect(host.call("ensure_user")).toEqual({ code: 0, lines: [] });
    expect(host.calls("useradd")).toEqual([]);
  });
});
