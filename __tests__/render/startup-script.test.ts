import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EtcdClusterProps } from "../../src/settings";
import { etcdFlags } from "../../src/render/etcd-flags";
import { renderStartupScript, restartRelevant } from "../../src/render/startup-script";
import { RUNBOOK, runbookWith } from "../support/settings";
import { temporaryDirectory } from "../support/temporary-directory";

function scriptWith(props: Partial<EtcdClusterProps>): string {
  const cluster = runbookWith(props);
  return renderStartupScript(cluster, cluster.members[0], etcdFlags(cluster, cluster.members[0]));
}

test("the startup script of the runbook's first member has exactly this text", () => {
  expect(scriptWith({})).toBe(`#!/bin/sh
# The startup script of etcd member etcd-server-7-12. Rendered by cdktf-etcd; the next deploy overwrites all edits.
set -eu
# The script runs itself again in a clean environment: supervisor's environment may contain ETCD_*, HTTPS_PROXY and the
# like, but etcd must take its settings only from the flags below.
[ "\${1:-}" = clean ] || exec /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  \${ETCD_UNSUPPORTED_ARCH:+"ETCD_UNSUPPORTED_ARCH=$ETCD_UNSUPPORTED_ARCH"} /bin/sh "$0" clean
initial_cluster='etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380'
initial_cluster_state=existing
initial_cluster_token=etcd-cluster
# Without its disk, a member would start without data, or with older data from below the mount point, and could lose
# acknowledged writes.
if [ -r /opt/etcd/mounts ]; then
  while read -r mount; do
    cut -d' ' -f5 /proc/self/mountinfo | grep -qxF -e "$mount" || {
      echo 'etcd-server-7-12:' "$mount" 'was mounted when this member was last healthy, and is not mounted now: not starting; mount it' >&2
      exit 1
    }
  done </opt/etcd/mounts
fi
# On the disk of another host, etcd would run as the member of that host.
for mark in /data/etcd/etcd-server/.cdktf-etcd /data/etcd/etcd-server/member/wal/.cdktf-etcd; do
  [ ! -s "$mark" ] || grep -qxF 'peer_url=https://10.4.7.12:2380' "$mark" || {
    echo 'etcd-server-7-12: the data in /data/etcd/etcd-server belong to another member: not starting; bring the right disk back' >&2
    exit 1
  }
done
# A member has data if there are files of the write-ahead log. The directory alone does not count.
set -- /data/etcd/etcd-server/member/wal/*.wal
# A deploy writes this file only for the member's first start, and removes it once the member has data.
if [ -r /opt/etcd/first-start.env ]; then
  . /opt/etcd/first-start.env
elif [ ! -e "$1" ]; then
  # A start without data under an old identity could lose acknowledged writes. supervisor may retry as often as it
  # likes.
  echo 'etcd-server-7-12: no data in /data/etcd/etcd-server and no deploy has asked for a first start: not starting; run a deploy' >&2
  exit 1
fi
# Until a deploy has verified that all restored members have the same data, no client is let in. etcd's own check of that
# is left out until then: members that start at the same time wait for each other's answers in vain, 7 s for each.
set --
if [ -r /opt/etcd.quarantine ]; then
  read -r url </opt/etcd.quarantine
  set -- "--listen-client-urls=$url" '--feature-gates=InitialCorruptCheck=false'
fi
# supervisor's programs have a soft limit of 1024 open files, and etcd raises it only if it was built with Go 1.19 or
# newer.
ulimit -S -n "$(ulimit -H -n)" || true
exec /opt/etcd/etcd \\
  --name=etcd-server-7-12 \\
  --data-dir=/data/etcd/etcd-server \\
  --listen-peer-urls=https://10.4.7.12:2380 \\
  --listen-client-urls=https://10.4.7.12:2379 \\
  --initial-advertise-peer-urls=https://10.4.7.12:2380 \\
  --advertise-client-urls=https://10.4.7.12:2379 \\
  --cert-file=/opt/etcd/certs/etcd-peer.pem \\
  --key-file=/opt/etcd/certs/etcd-peer-key.pem \\
  --client-cert-auth=true \\
  --trusted-ca-file=/opt/etcd/certs/ca.pem \\
  --peer-cert-file=/opt/etcd/certs/etcd-peer.pem \\
  --peer-key-file=/opt/etcd/certs/etcd-peer-key.pem \\
  --peer-client-cert-auth=true \\
  --peer-trusted-ca-file=/opt/etcd/certs/ca.pem \\
  --logger=zap \\
  --log-outputs=stdout \\
  --feature-gates='InitialCorruptCheck=true' \\
  --initial-cluster="$initial_cluster" \\
  --initial-cluster-state="$initial_cluster_state" \\
  --initial-cluster-token="$initial_cluster_token" "$@"
`);
});

test("an additional member changes the script, but not the part that requires a restart of a running member", () => {
  const three = scriptWith({});
  const four = scriptWith({
    members: [...RUNBOOK.members, { name: "etcd-server-7-99", address: "10.4.7.99" }],
  });
  expect(four).not.toBe(three);
  expect(restartRelevant(four)).toBe(restartRelevant(three));
});

test("a changed flag changes the part that requires a restart of a running member", () => {
  expect(restartRelevant(scriptWith({ heartbeatInterval: 200 }))).not.toBe(restartRelevant(scriptWith({})));
});

const shellcheck = spawnSync("shellcheck", ["--version"]).status === 0 ? test : test.skip;
shellcheck("shellcheck reports nothing", () => {
  // SC1091: the file that the script reads exists only on the host. SC3045: dash and bash both have ulimit -S and -H.
  const check = () =>
    execFileSync("shellcheck", ["-e", "SC1091,SC3045", "-"], {
      input: scriptWith({}),
      encoding: "utf8",
      stdio: "pipe",
    });
  expect(check).not.toThrow();
});

describe.each(["sh", "dash"])("run by %s", (shell) => {
  const root = temporaryDirectory();
  const paths = { installRoot: join(root, "opt"), dataDir: join(root, "data") };
  const firstStart = join(paths.installRoot, "etcd", "first-start.env");
  const etcd = join(paths.installRoot, "etcd", "etcd");
  const script = join(root, "startup.sh");

  function start(props: Partial<EtcdClusterProps> = {}) {
    writeFileSync(script, scriptWith({ paths, ...props }));
    const { status, stdout, stderr } = spawnSync(shell, [script], { encoding: "utf8" });
    return { status, stderr, args: stdout.split("\0").slice(0, -1) };
  }

  beforeEach(() => {
    rmSync(root, { recursive: true });
    mkdirSync(join(paths.installRoot, "etcd"), { recursive: true });
    writeFileSync(etcd, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n");
    chmodSync(etcd, 0o755);
  });

  test("a member without data does not start unless a deploy has asked for its first start, and says why", () => {
    expect(start()).toEqual({
      status: 1,
      args: [],
      stderr: `etcd-server-7-12: no data in ${paths.dataDir} and no deploy has asked for a first start: not starting; run a deploy\n`,
    });
  });

  function withWal(): void {
    mkdirSync(join(paths.dataDir, "member", "wal"), { recursive: true });
    writeFileSync(join(paths.dataDir, "member", "wal", "0000000000000000-0000000000000000.wal"), "");
  }

  test("an empty directory for the write-ahead log does not count as data, because the disk for it may not be mounted", () => {
    mkdirSync(join(paths.dataDir, "member", "wal", "lost+found"), { recursive: true });
    mkdirSync(join(paths.dataDir, "member", "snap"));
    writeFileSync(join(paths.dataDir, "member", "snap", "db"), "");
    expect(start()).toMatchObject({ status: 1, args: [] });
  });

  test("a member whose disk is not mounted does not start, even if there are data below the mount point", () => {
    withWal();
    writeFileSync(join(paths.installRoot, "etcd", "mounts"), "/proc\n");
    expect(start().status).toBe(0);
    writeFileSync(join(paths.installRoot, "etcd", "mounts"), "/proc\n/no/such disk\n");
    expect(start()).toEqual({
      status: 1,
      args: [],
      stderr:
        "etcd-server-7-12: /no/such disk was mounted when this member was last healthy, and is not mounted now: not starting; mount it\n",
    });
  });

  test("a member does not start on data with another member's mark, and says why, but it starts on data with its own mark", () => {
    withWal();
    const mark = (peerUrl: string) =>
      writeFileSync(join(paths.dataDir, ".cdktf-etcd"), `member=etcd-server-7-12\npeer_url=${peerUrl}\n`);
    mark("https://10.4.7.1:2380");
    expect(start()).toEqual({
      status: 1,
      args: [],
      stderr: `etcd-server-7-12: the data in ${paths.dataDir} belong to another member: not starting; bring the right disk back\n`,
    });
    mark("https://10.4.7.12:2380");
    expect(start().status).toBe(0);
    // After a power cut, a mark that was not on the disk yet may be empty.
    writeFileSync(join(paths.dataDir, ".cdktf-etcd"), "");
    expect(start().status).toBe(0);
  });

  test("a restored member that is still in quarantine listens only where no client looks", () => {
    withWal();
    writeFileSync(join(paths.installRoot, "etcd.quarantine"), "https://10.4.7.12:12379\n");
    const { args } = start();
    // If a flag is given twice, etcd uses the last one.
    expect(args.filter((argument) => argument.startsWith("--listen-client-urls="))).toEqual([
      "--listen-client-urls=https://10.4.7.12:2379",
      "--listen-client-urls=https://10.4.7.12:12379",
    ]);
  });

  test.each<[string, Partial<EtcdClusterProps>, string[]]>([
    ["3.4.23", {}, []],
    ["3.5.33", {}, ["--experimental-initial-corrupt-check=true", "--experimental-initial-corrupt-check=false"]],
    ["3.6.14", {}, ["--feature-gates=InitialCorruptCheck=true", "--feature-gates=InitialCorruptCheck=false"]],
    [
      "3.6.14",
      { extraFlags: { "feature-gates": "CompactHashCheck=true" } },
      ["--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true", "--feature-gates=InitialCorruptCheck=false"],
    ],
    [
      "3.6.14",
      { extraFlags: { "feature-gates": "InitialCorruptCheck=false" } },
      ["--feature-gates=InitialCorruptCheck=false"],
    ],
  ])(
    "in quarantine, etcd %s with %j does not compare its data with members that start, too",
    (version, props, flags) => {
      withWal();
      const checks = (args: string[]) => args.filter((argument) => /corrupt|Corrupt/.test(argument));
      expect(checks(start({ version, ...props }).args)).toEqual(flags.slice(0, 1));
      writeFileSync(join(paths.installRoot, "etcd.quarantine"), "https://10.4.7.12:12379\n");
      expect(checks(start({ version, ...props }).args)).toEqual(flags);
    },
  );

  test("a member with data starts with --initial-cluster-state=existing", () => {
    withWal();
    const { status, args } = start();
    expect(status).toBe(0);
    expect(args[0]).toBe("--name=etcd-server-7-12");
    expect(args.slice(-3)).toEqual([
      "--initial-cluster=etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380",
      "--initial-cluster-state=existing",
      "--initial-cluster-token=etcd-cluster",
    ]);
  });

  test("a first start takes the three --initial-cluster flags from the deploy", () => {
    writeFileSync(
      firstStart,
      "initial_cluster='a=https://a:1'\ninitial_cluster_state='new'\ninitial_cluster_token='42'\n",
    );
    expect(start().args.slice(-3)).toEqual([
      "--initial-cluster=a=https://a:1",
      "--initial-cluster-state=new",
      "--initial-cluster-token=42",
    ]);
  });

  test("flag values reach etcd as they were written", () => {
    withWal();
    const value = `it's "$HOME" \`id\` \\ *`;
    expect(start({ extraFlags: { "host-whitelist": value, "enable-pprof": "true" } }).args).toEqual(
      expect.arrayContaining([`--host-whitelist=${value}`, "--enable-pprof=true"]),
    );
  });

  test("only ETCD_UNSUPPORTED_ARCH reaches etcd from supervisor's environment", () => {
    mkdirSync(join(paths.dataDir, "member", "wal"), { recursive: true });
    writeFileSync(join(paths.dataDir, "member", "wal", "0000000000000000-0000000000000000.wal"), "");
    writeFileSync(etcd, "#!/bin/sh\nenv\n");
    writeFileSync(script, scriptWith({ paths }));
    const env = { ...process.env, ETCD_NAME: "old", HTTPS_PROXY: "http://proxy:3128", ETCD_UNSUPPORTED_ARCH: "arm64" };
    const seen = spawnSync(shell, [script], { encoding: "utf8", env }).stdout.split("\n");
    expect(seen.filter((line) => /^(ETCD|HTTPS)/.test(line))).toEqual(["ETCD_UNSUPPORTED_ARCH=arm64"]);
    expect(seen).toContain("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
  });

  test("etcd may open as many files as the host's hard limit allows, not only as many as supervisor's soft limit allows", () => {
    mkdirSync(join(paths.dataDir, "member", "wal"), { recursive: true });
    writeFileSync(join(paths.dataDir, "member", "wal", "0000000000000000-0000000000000000.wal"), "");
    writeFileSync(etcd, '#!/bin/sh\nprintf \'%s\\0\' "$(ulimit -S -n)" "$(ulimit -H -n)"\n');
    writeFileSync(script, scriptWith({ paths }));
    const { stdout } = spawnSync(shell, ["-c", `ulimit -S -n 64 && exec ${shell} "$0"`, script], { encoding: "utf8" });
    const [soft, hard] = stdout.split("\0");
    expect(hard).not.toBe("64");
    expect(soft).toBe(hard);
  });

  test("etcd replaces the shell, because supervisor's signals would otherwise reach only the shell", () => {
    withWal();
    writeFileSync(etcd, "#!/bin/sh\nprintf '%s\\0' \"$$\"\n");
    writeFileSync(script, scriptWith({ paths }));
    const { pid, stdout } = spawnSync(shell, [script], { encoding: "utf8" });
    expect(stdout).toBe(`${pid}\0`);
  });
});
