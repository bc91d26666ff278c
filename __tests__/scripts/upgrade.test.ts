import { type FakeCluster, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { answerHandshakes, pid, rollout, rolloutData, runningHost, upgradingHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const refused = (text: string) => `a on host-a: test refused: version: ${text}`;
const said = (text: string) => `a on host-a: rollout: ${text}`;
const SNAPSHOTS = "/var/lib/cdktf-etcd/a/snapshots";

/** etcd's answer to a request for the cluster's version. */
const says = (version: string) =>
  `printf 'HTTP/1.0 200 OK\\r\\n\\r\\n{"etcdserver":"9.9.9","etcdcluster":"${version}"}'`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

inEachShell((newHost) => {
  /** A host of a healthy cluster that runs one version, before its upgrade to another. */
  function upgrade(from: string, to: string): { host: Host; cluster: FakeCluster } {
    const host = newHost({ props: { version: to, ports: { client: all.port } } });
    const cluster = upgradingHost(host, from);
    // The cluster's version is requested over TLS.
    answerHandshakes(host, says(from));
    return { host, cluster };
  }
  const check = (host: Host) => host.call('wait_until() { shift; "$@"; }; check_version').lines;

  describe("the version of a member with data", () => {
    test.each([
      ["3.5.32", "3.6.14"],
      ["3.5.33", "3.6.14"],
      ["3.6.0", "3.6.14"],
      ["3.4.23", "3.5.33"],
      ["3.1.20", "3.2.32"],
      ["3.6.11", "3.7.1"],
    ])("%s → %s is accepted as one step up", (from, to) => {
      expect(check(upgrade(from, to).host)).toEqual([]);
    });

    test.each([
      ["3.4.23", "3.6.14", "3.5.32 or 3.6.0"],
      ["3.5.9", "3.6.14", "3.5.32 or 3.6.0"],
      ["3.5.33", "3.7.1", "3.6.11 or 3.7.0"],
      ["3.6.10", "3.7.1", "3.6.11 or 3.7.0"],
      ["3.1.20", "3.6.14", "3.5.32 or 3.6.0"],
    ])("%s → %s is refused, because a minor is skipped or the patch is too old", (from, to, sources) => {
      expect(check(upgrade(from, to).host)).toEqual([
        refused(
          `an upgrade from ${from} to ${to} is not possible in one step: it must start from ${sources}, or from a later patch of the same minor version; to do: set version to one in between, deploy, and continue from there`,
        ),
      ]);
    });

    test("the same version is accepted without any check", () => {
      const host = newHost({ props: { ports: { client: all.port } } });
      runningHost(host).unhealthy("abc");
      expect(check(host)).toEqual([]);
    });

    test("a member without data may have any version", () => {
      const { host, cluster } = upgrade("3.4.23", "3.6.14");
      cluster.unhealthy("abc");
      expect(host.call('mv "$DATA_DIR" "$DATA_DIR.gone"; check_version').lines).toEqual([]);
    });

    test("a downgrade is refused once every member runs the newer version", () => {
      expect(check(upgrade("3.6.14", "3.5.33").host)).toEqual([
        refused(
          "etcd cannot be downgraded from 3.6.14 to 3.5.33: no member runs 3.5.33 any more; to do: set version to 3.6.14 or later; a snapshot from before the upgrade is in /var/lib/cdktf-etcd/a/snapshots on the host of a (127.0.0.1)",
        ),
      ]);
    });

    test("a refused downgrade names the path of the snapshot", () => {
      const { host } = upgrade("3.6.14", "3.5.33");
      host.write("/var/lib/cdktf-etcd/a/snapshots/3.5.33-before-3.6.14.db", "");
      expect(check(host)[0]).toMatch(
        / is \/var\/lib\/cdktf-etcd\/a\/snapshots\/3\.5\.33-before-3\.6\.14\.db on this host$/,
      );
    });

    test("it names the host of the first member by name, also where a longer name begins in the same way", () => {
      const facts =
        "INITIAL_CLUSTER=etcd=https://10.4.7.1:2380,etcd-2=https://10.4.7.2:2380,etcd2=https://10.4.7.3:2380";
      expect(newHost().call(`${facts}; place_of_snapshot`).lines).toEqual([
        "in /var/lib/cdktf-etcd/etcd/snapshots on the host of etcd (10.4.7.1)",
      ]);
    });

    test.each(["3.5.33", "3.6.11"])("going back to %s is accepted while a member still runs it", (to) => {
      const { host, cluster } = upgrade("3.6.14", to);
      cluster.status("c", { version: to });
      expect(check(host)).toEqual([]);
      // A member with a similar version number does not count.
      cluster.status("c", { version: `${to}0` });
      expect(check(host)).toHaveLength(1);
    });

    test("an upgrade is refused if the cluster does not answer", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.unhealthy("abc");
      expect(check(host)).toEqual([
        refused(
          "this member has data of etcd 3.5.33, and no member of its cluster answers; to do: set version back to 3.5.33, bring the cluster back, and upgrade after that",
        ),
      ]);
    });

    test("the cluster of a stopped member is asked through another member", () => {
      const { host } = upgrade("3.5.33", "3.6.14");
      host.call("supervisorctl stop a");
      expect(check(host)).toEqual([]);
    });

    test("an upgrade is refused if a member is not healthy", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.unhealthy("c");
      expect(check(host)).toEqual([
        refused(
          "c (https://127.0.0.3:2380) is not healthy, and an upgrade needs all members; to do: set version back to 3.5.33, bring that member back, and upgrade after that",
        ),
      ]);
    });

    test("a member that leaves the program need not be healthy", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.members("a", "b", "c", "d");
      expect(check(host)).toEqual([]);
    });

    test("an upgrade is refused while an alarm is raised", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.alarm("memberID:1 alarm:NOSPACE");
      expect(check(host)).toEqual([
        refused(
          "an alarm is raised: NOSPACE of a (https://127.0.0.1:2380); to do: set version back to 3.5.33, and upgrade when no alarm is raised any more: make room and clear the alarm, or set a larger quotaBackendBytes (docs/alarms.md#nospace), and apply again",
        ),
      ]);
    });

    test("an upgrade is refused until the cluster's last upgrade is finished, unless it is only a patch", () => {
      const { host } = upgrade("3.5.33", "3.6.14");
      answerHandshakes(host, says("3.4.0"));
      expect(check(host)).toEqual([
        refused(
          "the cluster version is still 3.4.0, not 3.5: the last upgrade is not finished; to do: wait a minute, and apply again",
        ),
      ]);
      const patch = upgrade("3.6.11", "3.6.14");
      answerHandshakes(patch.host, says("3.5.0"));
      expect(check(patch.host)).toEqual([]);
    });

    test.each([
      ["connect:errno=111", "Connection refused"],
      [
        "40D7:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../ssl/x.c:1:SSL alert number 42",
        "sslv3 alert bad certificate",
      ],
      [
        "depth=0 CN = x\nverify error:num=20:unable to get local issuer certificate",
        "unable to get local issuer certificate",
      ],
      ["", "no answer"],
    ])("a cluster whose version cannot be read is not called unfinished: %j", (output, reason) => {
      const { host } = upgrade("3.5.33", "3.6.14");
      answerHandshakes(host, `printf '${output}'`);
      expect(check(host)).toEqual([
        refused(
          `https://127.0.0.1:${all.port}/version, which reports the cluster version, does not answer: ${reason}; to do: see /data/logs/etcd.log, and apply again`,
        ),
      ]);
    });

    test("an upgrade to 3.6 is refused if there are data of the v2 API, on which etcd 3.6 does not start", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.on("etcdutl check", 'echo "detected custom content in v2store"; exit 1');
      expect(check(host)).toEqual([
        refused(
          "there are data of the v2 API in /data/etcd, and etcd 3.6 does not start on them; to do: see docs/upgrade.md#data-of-the-v2-api",
        ),
      ]);
    });

    test("there must be space for the snapshot on the host of the first member, which takes it", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      host.stub("df", "printf ' Avail Inodes IFree\\n63M 9999 9999\\n'");
      expect(check(host)).toEqual([
        "a on host-a: test refused: free disk: 63 MB free for the snapshot in /var/lib/cdktf-etcd/a, 64 MB are needed; to do: make room",
      ]);
      // The host takes no snapshot if `c` has already been upgraded, or if its member is not the first by name.
      cluster.healthy("c", { version: "3.6.14" });
      expect(check(host)).toEqual([]);
      cluster.healthy("c", { version: "3.5.33" });
      Object.assign(host.member, { peerUrl: host.cluster.members[2].peerUrl });
      expect(host.call('takes_snapshot "$(own_url)" || echo no').lines).toEqual(["no"]);
    });

    test.each([
      ["3.5.9", "3.5.10", true],
      ["3.5.10", "3.5.9", false],
      ["3.5.9", "3.5.9", false],
      ["3.9.9", "3.10.0", true],
      ["2.9.9", "3.0.0", true],
    ])("%s is older than %s: %s", (a, b, is) => {
      expect(newHost().call(`older ${a} ${b} && echo yes || echo no`).lines).toEqual([is ? "yes" : "no"]);
    });
  });

  describe("the member that is upgraded", () => {
    test("first saves a verified snapshot, restarts with the new version, and is healthy before the next one", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      const before = pid(host);
      expect(rollout(host)).toEqual({
        code: 0,
        lines: [
          said(`saved a verified snapshot to ${SNAPSHOTS}/3.5.33-before-3.6.14.db (fe01cf57, 10, 7, 2.1 MB)`),
          said("restarted with etcd 3.6.14, was 3.5.33"),
          said("healthy"),
        ],
      });
      expect(pid(host)).not.toBe(before);
      expect(host.call('readlink "$CURRENT"').lines).toEqual(["etcd-v3.6.14"]);
      expect(host.list(SNAPSHOTS)).toEqual(["3.5.33-before-3.6.14.db"]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("saves no snapshot if another member already runs the new version", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.status("b", { version: "3.6.14" });
      expect(rollout(host).lines).toEqual([said("restarted with etcd 3.6.14, was 3.5.33"), said("healthy")]);
      expect(host.has(SNAPSHOTS)).toBe(false);
    });

    test("saves no snapshot on the way back", () => {
      const { host, cluster } = upgrade("3.6.14", "3.5.33");
      cluster.status("c", { version: "3.5.33" });
      expect(rollout(host).lines).toEqual([said("restarted with etcd 3.5.33, was 3.6.14"), said("healthy")]);
      expect(host.has(SNAPSHOTS)).toBe(false);
    });

    test("does not restart if another member became unhealthy while the snapshot was taken", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      const before = pid(host);
      cluster.on("snapshot save", 'rm -f "$state"/*127.0.0.3*.healthy');
      expect(rollout(host)).toMatchObject({ code: 3 });
      expect(pid(host)).toBe(before);
    });

    test("keeps only the newest snapshot, and the one before until the newest is complete", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      host.write(`${SNAPSHOTS}/3.4.23-before-3.5.33.db`, "old");
      host.write(`${SNAPSHOTS}/3.5.33-before-3.6.14.db.new`, "half");
      cluster.on("etcdutl snapshot", 'echo "Error: snapshot file integrity check failed"; exit 1');
      const before = pid(host);
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: the snapshot could not be verified: Error: snapshot file integrity check failed; to do: apply again; nothing was changed",
        ],
      });
      expect(pid(host)).toBe(before);
      // The new one is as large as the database, so it does not stay.
      expect(host.list(SNAPSHOTS)).toEqual(["3.4.23-before-3.5.33.db"]);
      cluster.on("etcdutl snapshot", "kill -9 $$");
      expect(rollout(host).lines.at(-1)).toMatch(/could not be verified: (the tool was ended|.*Killed)/);
      cluster.off("etcdutl snapshot");
      expect(rollout(host).code).toBe(0);
      expect(host.list(SNAPSHOTS)).toEqual(["3.5.33-before-3.6.14.db"]);
    });

    test("is not changed if the snapshot has a flipped bit, which etcd's own tool does not notice", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.on("snapshot save", `printf '%01056d' 0 >"\${words##* }"; exit`);
      const before = pid(host);
      expect(rollout(host).lines).toEqual([
        expect.stringMatching(
          /rollout failed: the snapshot could not be verified: the snapshot has the SHA-256 \w+, but etcd has appended \w+; to do: apply again; nothing was changed/,
        ),
      ]);
      expect(pid(host)).toBe(before);
    });

    test("is not changed if no snapshot can be taken", () => {
      const { host, cluster } = upgrade("3.5.33", "3.6.14");
      cluster.on("snapshot save", 'fail "no space left on device"');
      const before = pid(host);
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: rollout failed: no snapshot could be taken: Error: no space left on device; to do: correct the cause, and apply again; nothing was changed",
        ],
      });
      expect(pid(host)).toBe(before);
      expect(host.call('readlink "$CURRENT"').lines).toEqual(["etcd-v3.5.33"]);
      expect(cluster.turn()).toBeUndefined();
    });

    test("has its snapshot verified by etcdctl before 3.5", () => {
      const { host, cluster } = upgrade("3.3.27", "3.4.23");
      expect(rollout(host).code).toBe(0);
      expect(cluster.calls().filter((call) => call.includes("snapshot"))).toEqual([
        `a snapshot save ${SNAPSHOTS}/3.3.27-before-3.4.23.db.new`,
        `a snapshot status ${SNAPSHOTS}/3.3.27-before-3.4.23.db.new`,
      ]);
    });
  });

  describe("an upgrade to 3.7, which cannot replay requests of 3.5:", () => {
    const WAL = "/data/etcd/member/wal/0.wal";
    const SCRIPT = "/opt/etcd-v3.6.14/etcd-server-startup.sh";
    /** An etcdserverpb.Request as it is stored in a write-ahead log. */
    const REQUEST = Buffer.from("\x08\x01\x12\x03PUT\x1a\x0a/0/version\x22\x053.5.0\x28\x00", "latin1");
    const afterSnapshot = (host: Host, index: string) => {
      host.write(`/data/etcd/member/snap/0000000000000001-${index}.snap`, "");
      host.call('chown -hR "$ETCD_USER:" "$DATA_DIR"');
    };
    const snapshotCount = (host: Host) => /--snapshot-count=(\d+)\n$/.exec(host.read(SCRIPT))?.[1];
    const saved = said(`saved a verified snapshot to ${SNAPSHOTS}/3.6.14-before-3.7.1.db (fe01cf57, 10, 7, 2.1 MB)`);
    const tookRaftSnapshot = said(
      "restarted for a raft snapshot: etcd 3.7.1 cannot read the requests of etcd 3.5 and older in its write-ahead log",
    );
    const upgraded = [said("restarted with etcd 3.7.1, was 3.6.14"), said("healthy")];

    test("a member with such requests first takes a raft snapshot, by one more start of 3.6", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      host.write(WAL, Buffer.concat([Buffer.alloc(64), REQUEST, Buffer.alloc(64)]));
      // Nine entries were applied, and four of them are already in a raft snapshot.
      afterSnapshot(host, "0000000000000001");
      afterSnapshot(host, "0000000000000004");
      expect(rollout(host)).toEqual({ code: 0, lines: [saved, tookRaftSnapshot, ...upgraded] });
      expect(snapshotCount(host)).toBe("1");
      expect(host.read("/run/etcd.args")).not.toContain("--snapshot-count");
    });

    test("a member that gets another paths.installRoot in the same deploy does, too, and saves the cluster's snapshot", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      host.write(WAL, REQUEST);
      const installRoot = host.path("/srv");
      const moved = Object.assign(Object.create(host) as Host, { cluster: { ...host.cluster, installRoot } });
      const [from, to] = ["/opt/etcd-v3.7.1", "/srv/etcd-v3.7.1"];
      host.call(`mkdir "${installRoot}" && mv "$VERSIONED" "${installRoot}/"`);
      host.write(`${to}/etcd`, host.read(`${to}/etcd`).replace(from, to), 0o755);
      host.write(`${to}/etcd-server-startup.sh.next`, moved.startupScript(), 0o755);
      host.write(`${to}/etcd-server.ini.next`, moved.programIni());
      // What a stage leaves.
      host.call(`ln -s etcd-v3.7.1 "${installRoot}/etcd"`);
      expect(moved.phase("rollout", rolloutData(moved))).toEqual({
        code: 0,
        lines: [saved, tookRaftSnapshot, ...upgraded],
      });
    });

    test("an install root in the arguments of etcd, which its user can change, counts only if it is root's", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      const root = host.path("/srv");
      const linkInUse = () =>
        host.call(`read_arguments() { process_arguments="$LINE_END--name=$MEMBER$LINE_END--data-dir=$DATA_DIR$LINE_END--cert-file=${root}/etcd/certs/etcd-peer.pem"; }
know_etcd; set_link_in_use; echo "$link_in_use"`).lines;
      host.call(`mkdir -m 755 "${root}"`);
      expect(linkInUse()).toEqual(["/srv/etcd"]);
      host.call(`chmod 777 "${root}"`);
      expect(linkInUse()).toEqual(["/opt/etcd"]);
    });

    test("a member that was killed after that does it again, and its startup script has the flag only once", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      host.write(WAL, REQUEST);
      host.write(SCRIPT, host.read(SCRIPT).replace(/\n$/, " --snapshot-count=7\n"), 0o755);
      expect(rollout(host).lines).toEqual([saved, tookRaftSnapshot, ...upgraded]);
      expect(host.read(SCRIPT).match(/--snapshot-count/g)).toHaveLength(1);
      expect(snapshotCount(host)).toBe("1");
    });

    test("a member whose entries are all in a raft snapshot takes another one", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      host.write(WAL, REQUEST);
      afterSnapshot(host, "0000000000000009");
      expect(rollout(host).code).toBe(0);
      expect(snapshotCount(host)).toBe("1");
    });

    test("a member without such requests is restarted only once", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      host.write(WAL, "a value with PUT in it, and \x12\x03GET\x1a");
      expect(rollout(host).lines).toEqual([saved, ...upgraded]);
    });

    test("a member that is upgraded to a version which still reads such requests takes no raft snapshot", () => {
      const { host } = upgrade("3.5.33", "3.6.14");
      host.write(WAL, REQUEST);
      expect(rollout(host).lines).not.toContain(tookRaftSnapshot);
    });

    test("3.7 is not started without the raft snapshot", () => {
      const { host } = upgrade("3.6.14", "3.7.1");
      host.write(WAL, REQUEST);
      host.write(
        "/opt/etcd-v3.6.14/etcd",
        host.read("/opt/etcd-v3.6.14/etcd").replace(/^.*member\/snap.*$/m, ""),
        0o755,
      );
      host.write("/data/logs/etcd.log", "fatal: no space left on device\n");
      expect(rollout(host)).toEqual({
        code: 1,
        lines: [
          saved,
          "a on host-a: rollout failed: etcd 3.6.14 has not taken a raft snapshot, without which etcd 3.7.1 cannot read its write-ahead log: fatal: no space left on device; to do: see /data/logs/etcd.log; to go forward, correct the cause and apply again; to go back, set the changed value (or version) back and apply; the members after this one were not touched",
        ],
      });
      expect(host.call('readlink "$CURRENT"').lines).toEqual(["etcd-v3.6.14"]);
    });
  });
});
