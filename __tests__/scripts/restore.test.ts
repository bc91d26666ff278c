import { createHash } from "node:crypto";
import { chmodSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EtcdBackups, EtcdRestore, type EtcdRestoreOptions } from "../../src/settings";
import { sha256 } from "../support/archive";
import type { FakeCluster } from "../support/fake-etcd";
import { listenOn } from "../support/fake-etcd";
import { type Host, IMPATIENT, RESOURCES } from "../support/host";
import { MEMBERSHIP, mounted, phase, pid, rolloutData, runningHost, stagedHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";
import { description, type FakeDescription, snapshot, writeSnapshot } from "../support/snapshot";
import { temporaryDirectory } from "../support/temporary-directory";

const directory = temporaryDirectory();
const TOKEN = "6021458379";
const STATE = "/var/lib/cdktf-etcd/a/restore";
const NEW = "/data/etcd.aside-restore";

/** A program with a restore from a file with this description, and backups in /backups of the host. */
let files = 0;
function restoring(options: EtcdRestoreOptions = {}, values: FakeDescription = {}): { props: object; path: string } {
  const path = writeSnapshot(join(directory, `s${(files += 1)}.db`), values);
  return { path, props: { restore: EtcdRestore.fromFile(path, options), backups: EtcdBackups.onHosts() } };
}

const founders = (host: Host) => host.cluster.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
const data = (host: Host, more = {}) => ({
  ...rolloutData(host),
  FOUNDERS: founders(host),
  CLUSTER_TOKEN: TOKEN,
  FOUNDING_MEMBERSHIP: MEMBERSHIP,
  FOUNDING_REPROVISIONS: "a=0,b=0,c=0",
  REPROVISION: "0",
  RESTORED_AT: "2026-11-26T12:00:00Z",
  ...more,
});

/** etcd's tool, which makes data from a snapshot that has its digest, and records how it was called. */
function installTool(host: Host, options = "--bump-revision"): void {
  host.write(
    `/opt/etcd-v${host.cluster.version}/etcdutl`,
    `#!/bin/sh
case "$*" in
  *--help*) echo " ${options} " ;;
  "snapshot restore"*)
    echo "$*" >>'${host.path("/run/restores")}'
    [ "$(head -c -32 "$3" | sha256sum | cut -c1-64)" = "$(tail -c 32 "$3" | od -An -v -tx1 | tr -d ' \\n')" ] ||
      { echo "Error: expected sha256 [1 2], got [3 4]" >&2 && exit 1; }
    while [ "$1" != --data-dir ]; do shift; done
    mkdir -p "$2/member/wal" "$2/member/snap" && echo new >"$2/member/wal/0.wal" && echo new >"$2/member/snap/db"
    ;;
esac
`,
    0o755,
  );
}

const upload = (host: Host) => host.write("/home/.cdktf-etcd/a/snapshot.db", snapshot());
const stateOf = (host: Host) => /^step=(.*)$/m.exec(host.has(STATE) ? host.read(STATE) : "")?.[1];
const asides = (host: Host) => host.list("/data").filter((name) => name.includes(".aside-2"));

inEachShell((newHost) => {
  describe("preflight's checks", () => {
    const refusals = (host: Host, more = {}) =>
      host
        .call(`${IMPATIENT}know_members; check_restore`, data(host, { PHASE: "preflight", ...more }))
        .lines.map((line) => line.replace(/^.*? refused: /, ""));

    /** A host whose cluster is alive, and whose members' client ports accept connections. */
    async function living(options: EtcdRestoreOptions = {}): Promise<[Host, FakeCluster, () => void]> {
      const ports = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
      const host = newHost({ props: { ...restoring(options).props, ports: { client: ports.port } } });
      return [host, runningHost(host), () => ports.close()];
    }

    test("a cluster with a quorum is not replaced unasked", async () => {
      const [host, , close] = await living();
      expect(refusals(host)).toEqual([
        `restore: the cluster 4d has a quorum (${host.member.clientUrl} knows its leader), and all that was written to it after the snapshot would be lost; to do: remove restore from the program; or, if that is what you want, set replacesCluster: "4d" in it`,
      ]);
      close();
    });

    test("nor is it if only members that leave the program in the same edit answer", async () => {
      const ports = await listenOn("127.0.0.4");
      const host = newHost({ props: { ...restoring().props, ports: { client: ports.port } } });
      const cluster = runningHost(host);
      cluster.members("a", "b", "c", "d");
      cluster.healthy("d");
      expect(refusals(host)).toEqual([]);
      const script = host.read("/opt/etcd/etcd-server-startup.sh");
      const leaving = "$&,d=https://127.0.0.4:2380";
      host.write("/opt/etcd/etcd-server-startup.sh", script.replace(/^initial_cluster='[^']*/m, leaving));
      expect(refusals(host)).toEqual([
        expect.stringContaining(`the cluster 4d has a quorum (https://127.0.0.4:${ports.port} knows its leader)`),
      ]);
      ports.close();
    });

    test("members of the old cluster that are no longer in the program, but still run, would go on beside the new one", async () => {
      const ports = await listenOn("127.0.0.4");
      const host = newHost({ props: restoring({ replacesCluster: "4d" }).props });
      runningHost(host);
      const script = host.read("/opt/etcd/etcd-server-startup.sh");
      const former = `$&,d=https://127.0.0.4:${ports.port},e=https://127.0.0.5:2380`;
      host.write("/opt/etcd/etcd-server-startup.sh", script.replace(/^initial_cluster='[^']*/m, former));
      const refused = `restore: no longer in the program, but still running: d (https://127.0.0.4:${ports.port}); the old cluster would go on there, beside the new one; to do: stop etcd on those hosts (supervisorctl stop MEMBER), and apply again; or name these members in the program until the restore is done, and remove them in the next deploy`;
      expect(refusals(host)).toEqual([refused]);
      // Days may have passed since preflight.
      host.write(STATE, `id=${host.call('echo "$RESTORE"').lines[0]}\ntoken=${TOKEN}\nstep=ready\n`);
      host.write(`${NEW}/data/member/wal/0.wal`, "");
      expect(phase(host, "ready", data(host)).lines).toEqual([`a on host-a: ready refused: ${refused}`]);
      ports.close();
    });

    test("a cluster that the program names is replaced", async () => {
      const [host, , close] = await living({ replacesCluster: "4d" });
      expect(refusals(host)).toEqual([]);
      close();
    });

    test("another cluster than the one that the program names is not replaced", async () => {
      const [host, , close] = await living({ replacesCluster: "ff" });
      expect(refusals(host)).toHaveLength(1);
      close();
    });

    test("the cluster that this restore has made is left alone, also by a host that has come since", async () => {
      const [host, cluster, close] = await living();
      cluster.on("get cdktf-etcd/restored", `echo '${host.call('echo "$RESTORE"').lines[0]}'; exit`);
      expect(refusals(host)).toEqual([]);
      close();
    });

    test("a cluster that is just electing its leader has a quorum", async () => {
      const [host, cluster, close] = await living();
      cluster.healthy("abc", { leader: 0 });
      // Two rounds of questions to all three.
      cluster.on(
        "endpoint status -w json",
        'echo >>"$state/rounds"; [ "$(grep -c "" "$state/rounds")" -le 6 ] || sed -i "s/.leader.:0/\\"leader\\":2/" "$state"/*.status',
      );
      expect(refusals(host)).toEqual([expect.stringContaining("restore: the cluster 4d has a quorum")]);
      close();
    });

    test("members that know no leader have no quorum", async () => {
      const [host, cluster, close] = await living();
      cluster.healthy("abc", { leader: 0 });
      expect(refusals(host)).toEqual([]);
      close();
    });

    const NEWER = "a-20261126T200000Z.db";
    function withBackup(values: FakeDescription, options: EtcdRestoreOptions = {}): string[] {
      const { props } = restoring(options, { time: "2026-11-26T19:00:00Z" });
      const host = newHost({ props });
      const name = `/backups/${NEWER}`;
      host.write(name, snapshot());
      host.write(`${name}.json`, description({ time: "2026-11-26T20:00:00Z", ...values }));
      return refusals(host, { BACKUP_DIR: host.path("/backups") });
    }

    test.each<[string, FakeDescription, EtcdRestoreOptions, boolean]>([
      ["with a higher revision of the same cluster", { revision: 11 }, {}, true],
      ["that was taken later, but has nothing more", { revision: 10, unix_time: 3000 }, {}, false],
      ["of another cluster that was taken later", { cluster_id: "ff", revision: 3, unix_time: 3000 }, {}, true],
      ["of a former cluster", { cluster_id: "ff", revision: 999, unix_time: 1000 }, {}, false],
      ["that the program names", { revision: 11 }, { discardsBackup: NEWER }, false],
      [
        "that is older than the one that the program names",
        { revision: 11 },
        { discardsBackup: "b-20261127T000000Z.db" },
        false,
      ],
      [
        "that is newer than the one that the program names",
        { revision: 11 },
        { discardsBackup: "b-20261126T195959Z.db" },
        true,
      ],
    ])("a backup on the host %s", (_, values, options, refused) => {
      expect(withBackup(values, options)).toEqual(
        refused
          ? [
              expect.stringMatching(
                `^restore: /backups/${NEWER} on this host is newer than the snapshot: revision .*; to do: restore that one; or, if you want the older one, set discardsBackup: "${NEWER}"; if the restore is done, remove it from the program$`,
              ),
            ]
          : [],
      );
    });

    test.each([
      [
        "an earlier program",
        "backup_dir=/other\nformer_backup_dir=DIRECTORY\n",
        "/var/lib/cdktf-etcd/a/claim",
        "/backups",
      ],
      ["a program with another directory", "backup_dir=DIRECTORY\n", "/var/lib/cdktf-etcd/a/claim", "/backups"],
      ["a cluster that was removed", "backup_dir=DIRECTORY\n", "/var/lib/cdktf-etcd/a/released", "/backups"],
      ["a cluster that was destroyed", "", "/none", "/data/etcd-backups"],
    ])("a newer backup in the directory of %s is known, too", (_, claim, file, directoryOfBackups) => {
      const host = newHost({ props: restoring({}, { time: "2026-11-26T19:00:00Z" }).props });
      host.write(file, claim.replace("DIRECTORY", host.path(directoryOfBackups)));
      host.write(`${directoryOfBackups}/${NEWER}`, snapshot());
      host.write(`${directoryOfBackups}/${NEWER}.json`, description({ revision: 11, time: "2026-11-26T20:00:00Z" }));
      expect(refusals(host, { BACKUP_DIR: host.path("/new") })).toEqual([
        expect.stringContaining(`${directoryOfBackups}/${NEWER} on this host is newer than the snapshot`),
      ]);
    });

    test("every backup is newer than a snapshot whose description is damaged", () => {
      const { props, path } = restoring({}, { time: "2026-11-26T19:00:00Z" });
      writeFileSync(`${path}.json`, readFileSync(`${path}.json`, "utf8").replace('"revision": 10', '"revision": "1x"'));
      const host = newHost({ props });
      host.write(`/backups/${NEWER}`, snapshot());
      host.write(`/backups/${NEWER}.json`, description({ revision: 3, time: "2026-11-26T20:00:00Z" }));
      expect(refusals(host, { BACKUP_DIR: host.path("/backups") })).toHaveLength(1);
    });

    test("a snapshot of another minor version is refused, with what to do", () => {
      const { props } = restoring({}, { version: "3.4.23" });
      // The validation of the program refuses it, too, if the snapshot is on the operator's machine.
      expect(refusals(newHost({ props }))).toEqual([
        "restore: the snapshot is of etcd 3.4.23, and etcd 3.6.14 may not be able to read it; to do: restore it with version 3.4.23, and change the version after that; if the restore is done, remove it from the program",
      ]);
    });

    test("a snapshot on this host must be whole, and nobody but root may be able to change it", () => {
      const host = newHost();
      const check = (more = "") =>
        refusals(host, { RESTORE: "x", RESTORE_MEMBER: "a", RESTORE_PATH: host.path("/backups/a.db"), more });
      expect(check()).toEqual([expect.stringMatching("there is no file /backups/a.db on this host")]);
      host.write("/backups/a.db", snapshot().subarray(0, 700));
      expect(check()).toEqual([
        expect.stringMatching("/backups/a.db: the snapshot has no digest: its size is 700 bytes"),
      ]);
      host.write("/backups/a.db", snapshot());
      expect(check()).toEqual([]);
      host.write("/backups/a.db.json", description({ sha256: "ab".repeat(32) }));
      expect(check()).toEqual([
        expect.stringMatching("/backups/a.db.json describes another snapshot, with the SHA-256 (ab){32}; that of "),
      ]);
      host.write("/backups/a.db.json", description());
      expect(check()).toEqual([]);
      chmodSync(host.path("/backups/a.db.json"), 0o666);
      expect(check()).toEqual([expect.stringMatching("/backups/a.db.json can be changed by users other than root")]);
      chmodSync(host.path("/backups/a.db"), 0o666);
      expect(check()).toEqual([expect.stringMatching("/backups/a.db can be changed by users other than root")]);
    });
  });

  test.each(["many", "089", "0x10", "9".repeat(19), "9".repeat(30), '12\n  "bytes": 13', "IFS[$(>evil)]"])(
    "a size of %j in a description, which another host may have sent, is as good as none",
    (bytes) => {
      const host = newHost();
      const text = `cd "${host.root}"; description=$(cat description); check_restore_room; ls`;
      host.write("/description", `{\n  "bytes": ${bytes}\n}\n`);
      const { code, lines } = host.call(text);
      expect({ code, lines }).toEqual({ code: 0, lines: host.list("/") });
    },
  );

  testAsRoot("root reads nothing where etcd's user could have put a link to a file of root's", () => {
    const host = newHost();
    host.write("/data/some.db", snapshot());
    host.stub("setpriv", "echo denied >&2; exit 1");
    const run = (text: string) => host.call(`copy=${host.path("/data/some.db")} RESTORE_MEMBER=b\n${text}`);
    const described = 'description=\'  "copied": true,\n  "sha256": "0"\'';
    const texts = [
      'description=; verify_snapshot_copy "$copy"',
      `${described}; verify_snapshot_copy "$copy"`,
      'description=; has_source() { :; }; offered_snapshot() { echo "$copy"; }; bring_snapshot x; echo "<$sha256>"',
    ];
    const digest = snapshot().subarray(-32).toString("hex");
    for (const text of texts) {
      const { code, lines } = run(text);
      expect(code).toBe(3);
      expect(lines.join()).toContain("the snapshot is not whole");
      expect(lines.join()).not.toContain(digest);
    }
  });

  test("no user of a host finds out by the list of processes what the offered snapshot is called", () => {
    const host = newHost({ props: restoring().props });
    stagedHost(host);
    installTool(host);
    upload(host);
    const facts = data(host);
    const record = (tool: string) =>
      host.stub(tool, `printf '%s\\n' "$@" >>"$CALLS"; exec '${host.path(`/bin/${tool}`)}' "$@"`);
    const tools = ["awk", "cat", "grep", "sed", "sha256sum"];
    tools.forEach(record);
    host.write("/var/lib/cdktf-etcd/a/memberships.rollout", `1\n${MEMBERSHIP}\n`);
    host.call("refuse_stale_members; remember_membership", { ...facts, PHASE: "rollout", MEMBERSHIP });
    const [path] = host.call("offered_path", facts).lines;
    expect(phase(host, "restore", facts).code).toBe(0);
    const words = [...host.read("/run/restores").split(/\s/), ...tools.flatMap((tool) => host.calls(tool))];
    expect(words).toContain(TOKEN);
    expect(words).not.toContain(MEMBERSHIP);
    expect(words.map((word) => sha256(Buffer.from(word)).slice(0, 40))).not.toContain(path);
    expect(host.call("offered_path", { ...facts, FOUNDING_MEMBERSHIP: "1" }).lines).not.toEqual([path]);
  });

  test("the host that offers the snapshot cannot send more than it has said, or without having said how much", () => {
    const host = newHost({ props: restoring().props });
    const fetched = (description: string) =>
      host.call(
        `RESTORE_MEMBER=b RESTORE_PORT=1 OFFER_RESOURCE=x; wait_until() { :; }
get_offered() { case $1 in *.json) printf '${description}' ;; *) head -c 5000000 /dev/zero ;; esac; }
fetch_snapshot '${host.path("/run/db")}'`,
        data(host),
      ).lines;
    expect(fetched('  "bytes": 1000\\n')).toEqual([]);
    expect(statSync(host.path("/run/db")).size).toBe(1000);
    rmSync(host.path("/run/db"));
    for (const silent of ["", '  "revision": 7\\n', '  "bytes": 0x10\\n']) {
      expect(fetched(silent)).toEqual([
        expect.stringMatching(/restore: b does not send the snapshot from https:\/\/127\.0\.0\.2:1; to do: /),
      ]);
    }
    expect(host.has("/run/db")).toBe(false);
  });

  describe("phase restore", () => {
    function readyHost(options?: EtcdRestoreOptions, values?: FakeDescription): Host {
      const host = newHost({ props: restoring(options, values).props });
      stagedHost(host);
      installTool(host);
      upload(host);
      return host;
    }

    test("makes the data beside those in use, and stops nothing", () => {
      const host = readyHost();
      host.write("/data/etcd/member/wal/0.wal", "old");
      const run = phase(host, "restore", data(host));
      expect(run.lines).toEqual([
        expect.stringMatching(
          /^a on host-a: restore: the data of the snapshot are ready: s\d+\.db, sha256 [0-9a-f]{64}$/,
        ),
      ]);
      expect(host.read(`${NEW}/data/member/wal/0.wal`)).toBe("new\n");
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("old");
      expect(stateOf(host)).toBe("ready");
      expect(host.has("/home/.cdktf-etcd")).toBe(false);
      expect(host.read("/run/restores")).toContain(
        `--name a --initial-advertise-peer-urls ${host.member.peerUrl} --initial-cluster ${founders(host)} --initial-cluster-token ${TOKEN} --mark-compacted --bump-revision 2847880000000`,
      );
    });

    test("raises the revisions by more at each restore, and by a billion if the operator's clock is wrong", () => {
      const skipped = (time: string) => newHost().call("revisions_to_skip", { RESTORED_AT: time }).lines[0];
      expect(Number(skipped("2026-11-26T12:00:01Z")) - Number(skipped("2026-11-26T12:00:00Z"))).toBe(100_000);
      expect(skipped("1970-01-01T00:00:00Z")).toBe("1000000000");
    });

    test("says what a tool without --bump-revision means for clients", () => {
      const host = readyHost();
      installTool(host, "--name");
      expect(phase(host, "restore", data(host)).lines[0]).toMatch(
        /warning: the tool of etcd 3\.6\.14 cannot raise the revisions, so clients that watch must be restarted/,
      );
      expect(host.read("/run/restores")).not.toContain("--bump-revision");
    });

    test("refuses a snapshot that was damaged on the way", () => {
      const host = readyHost();
      const bad = snapshot();
      bad[3] ^= 1;
      host.write("/home/.cdktf-etcd/a/snapshot.db", bad);
      const run = phase(host, "restore", data(host));
      expect(run.code).toBe(3);
      expect(run.lines.join()).toMatch(
        /restore refused: restore: the snapshot is not whole: it does not have the SHA-256 [0-9a-f]{64}, which etcd has appended to it/,
      );
      expect(stateOf(host)).toBeUndefined();
      expect(host.has(NEW)).toBe(false);
    });

    test("refuses a snapshot that was cut off on the way, before anything is made from it", () => {
      const host = readyHost();
      host.write("/home/.cdktf-etcd/a/snapshot.db", snapshot().subarray(0, 700));
      expect(phase(host, "restore", data(host)).lines.join()).toMatch(
        /the snapshot is not whole: the snapshot has no digest: its size is 700 bytes/,
      );
      expect(host.has("/run/restores")).toBe(false);
      expect(host.has(NEW)).toBe(false);
    });

    test.each(["restore", "offer"])("leaves nothing in the way of a living etcd if it finds no room (%s)", (name) => {
      const host = readyHost();
      host.write("/some.db", snapshot());
      host.write("/data/etcd/member/wal/0.wal", "old");
      const full = `check_restore() { :; }; write_as_etcd() { head -c 100 >"$1"; echo "no room" >&2; return 1; }`;
      const path = `RESTORE_MEMBER=a RESTORE_PATH=${host.path("/some.db")}; `;
      const run = host.call(`${full}; trap 'leave $?' EXIT; ${name === "offer" ? path : ""}phase_${name}`, {
        PHASE: name,
        ...data(host),
      });
      expect(run.lines.join()).toMatch(
        /the snapshot cannot be copied to .*: no room; to do: make room, and apply again/,
      );
      expect(host.list("/data")).toEqual(["etcd", "logs"]);
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("old");
    });

    test("reads a large snapshot no more than once: etcd's tool compares the digest", () => {
      const host = readyHost();
      host.stub("openssl", 'case $1 in dgst) echo "$1" >>"$CALLS" ;; esac; exit 1');
      expect(phase(host, "restore", data(host)).code).toBe(0);
      expect(host.calls("openssl")).toEqual([]);
    });

    test("does nothing for a member that joins later, and nothing again once it is done", () => {
      const host = readyHost();
      expect(phase(host, "restore", data(host, { FOUNDERS: "b=https://127.0.0.2:2380" })).lines[0]).toBe(
        "a on host-a: restore: not a founder: this member joins, and nothing is restored",
      );
      rmSync(host.path(STATE));
      // A founder cannot join a cluster that does not live.
      expect(phase(host, "restore", data(host, { MEMBERSHIP: "a later list" })).lines[0]).toMatch(
        "restore refused: restore: the members have changed since the cluster was founded, and no cluster lives that this member could join; to do: increase restore's attempt",
      );
      host.call('set_restore_step "done"', data(host));
      expect(phase(host, "restore", data(host)).lines[0]).toMatch(/restore: was restored before: s\d+\.db/);
      expect(host.has("/run/restores")).toBe(false);
    });
  });

  describe("bootstrap", () => {
    function preparedHost(running = true): Host {
      const host = newHost({ props: restoring().props });
      if (running) runningHost(host);
      else stagedHost(host);
      installTool(host);
      upload(host);
      expect(phase(host, "restore", data(host, { REPLACES: "" })).code).toBe(0);
      return host;
    }
    const bootstrap = (host: Host, more = {}) => phase(host, "bootstrap", data(host, more));
    const listens = (host: Host) =>
      host
        .read("/run/etcd.args")
        .split("\n")
        .filter((argument) => argument.startsWith("--listen-client-urls"));

    test("moves the old data aside, and starts etcd with the new ones, where no client looks", () => {
      const host = preparedHost();
      host.write("/data/etcd/member/wal/0.wal", "old");
      host.write("/var/lib/cdktf-etcd/a/claim", "member=a\ndata=unseen\n");
      const run = bootstrap(host);
      expect(run.lines.at(-1)).toBe(
        "a on host-a: bootstrap: started with the data of the snapshot; no client is let in yet",
      );
      expect(host.read("/var/lib/cdktf-etcd/a/claim")).toBe("member=a\n");
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("new\n");
      expect(host.read(`/data/${asides(host)[0]}/member/wal/0.wal`)).toBe("old");
      expect(listens(host)).toHaveLength(2);
      expect(stateOf(host)).toBe("placed");
      // Once more, after a kill: nothing more is moved.
      const before = pid(host);
      expect(bootstrap(host).code).toBe(0);
      expect(pid(host)).toBe(before);
      expect(asides(host)).toHaveLength(1);
    });

    test("starts etcd where the data of another member were moved away and their mark was left", () => {
      const host = preparedHost(false);
      host.write("/data/etcd/.cdktf-etcd", "member=b\npeer_url=https://10.4.7.99:2380\n");
      expect(bootstrap(host).code).toBe(0);
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("new\n");
      expect(host.read("/data/etcd/.cdktf-etcd")).toContain(`peer_url=${host.member.peerUrl}\n`);
    });

    test("goes on after a kill while the new data were moved in", () => {
      const host = preparedHost(false);
      host.call("set_restore_step placing", data(host));
      expect(bootstrap(host).code).toBe(0);
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("new\n");
      expect(asides(host)).toEqual([]);
    });

    test("keeps a file system that is mounted in the data directory", () => {
      const host = newHost({ props: restoring().props });
      stagedHost(host);
      host.write("/data/etcd/member/wal/0.wal", "old");
      host.call('put_directory "$DATA_DIR" 700; chown -hR "$ETCD_USER:" "$DATA_DIR"');
      installTool(host);
      upload(host);
      mounted(host, host.path("/data/etcd/member/wal"));
      expect(phase(host, "restore", data(host)).code).toBe(0);
      expect(host.read("/data/etcd/aside-restore/data/member/wal/0.wal")).toBe("new\n");
      expect(bootstrap(host).lines.at(-1)).toMatch(/started with the data of the snapshot/);
      expect(host.read("/data/etcd/member/wal/0.wal")).toBe("new\n");
      expect(host.read("/data/etcd/member/snap/db")).toBe("new\n");
      expect(host.list("/data/etcd/member/wal").filter((name) => name.startsWith("aside-"))).toHaveLength(1);
    });

    test("refuses if the data were not made, or were made for another new cluster", () => {
      const host = newHost({ props: restoring().props });
      stagedHost(host);
      expect(bootstrap(host).lines).toEqual([
        `a on host-a: bootstrap refused: restore: no data were made for this member, although Terraform has recorded that; to do: terraform apply -replace='${RESOURCES.restore}'`,
      ]);
      const other = preparedHost();
      const before = pid(other);
      expect(bootstrap(other, { CLUSTER_TOKEN: "another" }).lines).toEqual([
        `a on host-a: bootstrap refused: restore: the data on this host were made for another new cluster than this one; to do: terraform apply -replace='${RESOURCES.restore}'`,
      ]);
      expect(pid(other)).toBe(before);
    });

    test("a rollout refuses a member whose restore was interrupted", () => {
      const host = preparedHost();
      bootstrap(host);
      expect(phase(host, "rollout", rolloutData(host)).lines).toEqual([
        `a on host-a: rollout refused: restore: this member lets no client in, although Terraform has recorded that: its restore was interrupted; to do: terraform apply -replace='${RESOURCES.bootstrap}' -replace='${RESOURCES.admit}'`,
      ]);
    });
  });

  describe("after something has happened in between", () => {
    /** A host with a living cluster, and the data of a restore that were made before it came to life again. */
    async function revived(): Promise<[Host, FakeCluster, () => void]> {
      const ports = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
      const host = newHost({ props: { ...restoring().props, ports: { client: ports.port } } });
      const cluster = runningHost(host);
      cluster.unhealthy("abc");
      installTool(host);
      upload(host);
      expect(phase(host, "restore", data(host)).code).toBe(0);
      cluster.healthy("abc");
      return [host, cluster, () => ports.close()];
    }

    test("bootstrap does not stop a cluster that lives again", async () => {
      const [host, , close] = await revived();
      const before = pid(host);
      expect(phase(host, "bootstrap", data(host)).lines).toEqual([
        expect.stringMatching(/bootstrap refused: restore: the cluster 4d has a quorum \(.* knows its leader\)/),
      ]);
      expect(pid(host)).toBe(before);
      expect(host.has("/opt/etcd.quarantine")).toBe(false);
      close();
    });

    test("a host that has lost what it knew does not restore over the cluster that this restore has made", async () => {
      const [host, cluster, close] = await revived();
      cluster.on("get cdktf-etcd/restored", `echo '${host.call('echo "$RESTORE"').lines[0]}'; exit`);
      rmSync(host.path(STATE));
      upload(host);
      expect(phase(host, "restore", data(host)).lines).toEqual([
        "a on host-a: restore: the cluster was restored already, and lives without this member: left to rollout",
      ]);
      expect(stateOf(host)).toBe("done");
      close();
    });

    test("a program without the restore is refused while clients are kept out, and before that leaves nothing of it", () => {
      const host = newHost();
      const state = (step: string) => host.write(STATE, `id=a.db, sha256 1\ntoken=${TOKEN}\nstep=${step}\n`);
      for (const step of ["placing", "placed", "compared"]) {
        state(step);
        expect(host.call("check_restore").lines).toEqual([
          expect.stringMatching(
            /refused: restore: the restore of a\.db, sha256 1 is not finished: no client is let in on this host; to do: put restore back/,
          ),
        ]);
      }
      // The file that keeps clients out may be that of an earlier attempt.
      state("ready");
      host.write("/opt/etcd.quarantine", "x");
      expect(host.call("check_restore").lines).toHaveLength(1);
      rmSync(host.path("/opt/etcd.quarantine"));
      host.write(`${NEW}/data/db`, "");
      host.write("/data/etcd.aside-offer/x.db", "");
      expect(host.call("check_restore; forget_abandoned_restore").lines).toEqual([]);
      expect([host.has(STATE), host.has(NEW), host.has("/data/etcd.aside-offer")]).toEqual([false, false, false]);
    });

    test("before anything is stopped, every host must have its data", () => {
      const host = newHost({ props: restoring().props });
      const refused = `a on host-a: ready refused: restore: no data were made for this member, although Terraform has recorded that; to do: terraform apply -replace='${RESOURCES.restore}'`;
      const ready = (more = {}) => phase(host, "ready", data(host, more)).lines;
      expect(ready()).toEqual([refused]);
      host.call("set_restore_step ready", data(host));
      expect(ready()).toEqual([refused]);
      host.write(`${NEW}/data/member/snap/db`, "");
      expect(ready({ CLUSTER_TOKEN: "another" })).toEqual([refused]);
      expect(ready()).toEqual(["a on host-a: ready: nothing stands against the restore on this host"]);
      // The old cluster has lived on for a while, and is without a quorum again.
      host.write("/data/etcd/member/snap/db", "");
      utimesSync(host.path("/data/etcd/member/snap/db"), new Date(), new Date(Date.now() + 60_000));
      expect(ready()).toEqual([
        "a on host-a: ready refused: restore: the data in /data/etcd have changed since the restored ones were made; to do: increase restore's attempt, and apply again",
      ]);
    });

    test("what a member has from another restore is not taken for its own data", () => {
      const host = newHost();
      const check = (more = {}) =>
        host.call("check_source", { RESTORE: "the data of a", RESTORE_MEMBER: "a", ...more }).lines;
      host.write("/data/etcd/member/wal/0.wal", "");
      expect(check()).toEqual([]);
      host.write("/opt/etcd.quarantine", "x");
      host.write(STATE, "id=old.db, sha256 1\nstep=placed\n");
      expect(check()).toEqual([
        expect.stringMatching(
          /what a has in \/data\/etcd is from the restore of old\.db, sha256 1; its own data are in \/data\/etcd\.aside-\*/,
        ),
      ]);
      // Another attempt to restore the same member's data.
      host.write(STATE, "id=the data of a\nstep=placed\n");
      expect(check({ RESTORE: "the data of a, attempt 1" })).toEqual([]);
    });

    test("an upload of another file than the planned one is refused", () => {
      const host = newHost({ props: restoring().props });
      stagedHost(host);
      installTool(host);
      host.write("/home/.cdktf-etcd/a/snapshot.db", snapshot("other".repeat(512)));
      expect(phase(host, "restore", data(host)).lines.join()).toMatch(
        /the snapshot that was uploaded has the SHA-256 /,
      );
    });

    test("a database to which an etcd without supervisor still writes is not copied", () => {
      const host = newHost();
      host.write("/data/etcd/member/snap/db", "pages");
      const copy = (during: string) =>
        host.call(`know_etcd() { :; }; is_stopped() { return 1; }; is_running() { return 1; }; stop_program() { :; }
accepts_connections() { return 1; }; wait_until() { return 1; }
as_etcd() { "$@"; ${during}; }; private_directory "$STATE_DIR"; copy_database; cat "$SAVED"`).lines;
      expect(copy('printf more >>"$DATA_DIR/member/snap/db"')).toEqual([
        "a on host-a: test refused: restore: the database /data/etcd/member/snap/db cannot be copied: somebody still writes to it; to do: stop whatever writes there (fuser -v /data/etcd/member/snap/db shows it), and apply again",
      ]);
      expect(host.has("/var/lib/cdktf-etcd/a/restore.db")).toBe(false);
      expect(copy(":").slice(-1)).toEqual(["pagesmore"]);
    });

    test("a copied database is on the disk before it has its name, because after a power cut it could be empty", () => {
      const host = newHost();
      host.write("/data/etcd/member/snap/db", "pages");
      const { lines } =
        host.call(`know_etcd() { :; }; is_stopped() { return 1; }; is_running() { return 1; }; stop_program() { :; }
accepts_connections() { return 1; }; wait_until() { return 1; }; as_etcd() { "$@"; }; private_directory "$STATE_DIR"
sync() { cat "$1"; [ -e "$SAVED" ] || echo ", without its name"; }
copy_database`);
      expect(lines[0]).toBe("pages, without its name");
    });

    test("a copied database that arrives in part is noticed", () => {
      const host = newHost();
      host.write("/run/db", "part");
      const verify = (sha256: string) =>
        host.call(
          `description='  "copied": true,\n  "sha256": "${sha256}"'; RESTORE_MEMBER=b; verify_snapshot_copy '${host.path("/run/db")}'`,
        );
      expect(verify("0".repeat(64)).lines.join()).toMatch(
        /the snapshot is not whole: it has the SHA-256 [0-9a-f]{64}, but b has sent 0{64}/,
      );
      expect(verify(createHash("sha256").update("part").digest("hex")).code).toBe(0);
    });
  });

  test("what the snapshot carries of deploys that were under way, and of failures in the old cluster, is forgotten", () => {
    const host = newHost({ props: restoring().props });
    const { lines } = host.call('etcdctl_at() { echo "$*" >&9; }; exec 9>&1; url=x; forget_old_deploys', data(host));
    expect(lines).toEqual([
      "x del cdktf-etcd/turn",
      "x del cdktf-etcd/backup/slot",
      "x del --prefix cdktf-etcd/due/",
      "x del --prefix cdktf-etcd/joins/",
      "x del --prefix cdktf-etcd/backup/failed/",
      "x del --prefix cdktf-etcd/defragmentation/",
      expect.stringMatching(/^x put cdktf-etcd\/restored s\d+\.db, sha256 /),
    ]);
  });

  test("it is forgotten although etcd loses the requests once, and clients are not let in if it is not forgotten", () => {
    const host = newHost({ props: restoring().props });
    const forget = (answer: string) =>
      host.call(
        `${IMPATIENT}lost=${host.path("/lost")}; : >"$lost"
etcdctl_at() {
  shift
  grep -qxF -e "$*" "$lost" || { echo "$*" >>"$lost"; echo "etcdserver: leader changed"; return 1; }
  ${answer}
}
exec 9>&1; url=x
for_long() { for _ in 1 2 3; do wait_until 1 has_forgotten_old_deploys && return; done; }
for_long || true; forget_old_deploys`,
        data(host),
      ).lines;
    const lines = forget('echo "$*" >&9');
    expect(new Set(lines).size).toBe(7);
    expect(lines.at(-1)).toMatch(/^put cdktf-etcd\/restored/);
    expect(forget('echo "etcdserver: no leader"; return 1')).toEqual([
      expect.stringContaining(
        "etcd does not forget the deploys that were under way when the snapshot was taken: etcdserver: no leader",
      ),
    ]);
    expect(forget('echo "etcdserver: mvcc: database space exceeded"; return 1')).toEqual([]);
  });

  describe("the comparison of the members", () => {
    /** Whether all members have the same data, if each one answers with this hash of its keys. */
    function compare(hashes: { [address: string]: string }): string {
      const host = newHost({ props: restoring().props });
      stagedHost(host);
      for (const [address, answer] of Object.entries(hashes)) host.write(`/run/answers/${address}`, answer);
      host.stub(
        "openssl",
        `while [ "$1" != -connect ]; do shift; done; cat '${host.path("/run/answers")}'/"\${2%:*}" 2>/dev/null`,
      );
      const text =
        'revision_of() { echo 7; }\nurl=x; have_same_data && echo same || echo "$reason${differs:+ (differs)}"';
      return host.call(text, data(host)).lines.join();
    }
    const answer = (hash: number, cluster = "91c5", compacted = 5) =>
      `HTTP/1.0 200 OK\r\nX-Etcd-Cluster-Id: ${cluster}\r\n\r\n{"header":{"revision":7},"hash":${hash},"compact_revision":${compacted},"hash_revision":7}\n`;

    test("members with the same hash are the same", () => {
      expect(compare({ "127.0.0.1": answer(1), "127.0.0.2": answer(1), "127.0.0.3": answer(1) })).toBe("same");
    });

    test.each([
      ["another hash", answer(2)],
      ["another cluster", answer(1, "ffff")],
      ["another compacted revision", answer(1, "91c5", 6)],
    ])("a member with %s is not", (_, other) => {
      expect(compare({ "127.0.0.1": answer(1), "127.0.0.2": answer(1), "127.0.0.3": other })).toBe(
        "c has other keys than this member (differs)",
      );
    });

    test("all members are asked at the same time, and each one once", () => {
      const host = newHost({ props: restoring().props });
      stagedHost(host);
      host.write("/run/asked/.keep", "");
      // Each waits until all three are asked.
      host.stub(
        "openssl",
        `while [ "$1" != -connect ]; do shift; done
echo "\${2%:*}" >>"$CALLS"
touch '${host.path("/run/asked")}'/"\${2%:*}"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  [ "$(ls '${host.path("/run/asked")}' | wc -l)" -eq 3 ] && break
  sleep 0.5
done
[ "$(ls '${host.path("/run/asked")}' | wc -l)" -eq 3 ] && printf '%s' '${answer(1)}'`,
      );
      const text = 'revision_of() { echo 7; }\nurl=x; have_same_data && echo same || echo "$reason"';
      expect(host.call(text, data(host)).lines).toEqual(["same"]);
      expect(host.calls("openssl").sort()).toEqual(["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    });

    test("a member that is not as far yet, or does not answer, is not known to differ", () => {
      const behind = "HTTP/1.0 400 Bad Request\r\n\r\nmvcc: required revision is a future revision\n";
      expect(compare({ "127.0.0.1": answer(1), "127.0.0.2": behind, "127.0.0.3": answer(1) })).toBe(
        "b does not say the hash of its keys",
      );
      expect(compare({ "127.0.0.1": answer(1), "127.0.0.2": answer(1) })).toBe("c does not say the hash of its keys");
    });
  });
});
