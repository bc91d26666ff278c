import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { atLeast } from "../../src/release/version";
import type { Host, HostOptions } from "./host";

/**
 * A fake etcd. It waits for a signal as etcd would, and leaves its arguments in a file for the test, and another file
 * once it has written all that it writes. If `/run/stuck` exists, it prints that file and writes no data. Otherwise, a
 * member that was added and never started is now started, and healthy unless it is a learner. With `--snapshot-count`,
 * it takes a raft snapshot.
 */
function etcd({ root, cluster: { user } }: Host, directory: string): string {
  return `#!${root}${directory}/.sh
root='${root}'
[ "\${1:-}" != --version ] || { echo "etcd Version: \${0%/etcd}" | sed 's|/.*/etcd-v||' && exit; }
printf '%s\\n' "$@" >"$root/run/etcd.args"
for argument; do
  case $argument in
    --name=*) name=\${argument#*=} ;;
    --data-dir=*) data=\${argument#*=} ;;
    --initial-advertise-peer-urls=*) peer=\${argument#*=} ;;
    --advertise-client-urls=*) client=\${argument#*=} ;;
    --snapshot-count=*) snapshot_count=\${argument#*=} ;;
  esac
done
state=$root/run/cluster
if [ -e "$root/run/stuck" ]; then
  cat "$root/run/stuck"
else
  entry=$(grep -F "unstarted, , $peer, , " "$state/members" 2>/dev/null)
  if [ -n "$entry" ]; then
    sed "s#unstarted, , $peer, , #started, $name, $peer, $client, #" "$state/members" >"$state/members.next" && mv "$state/members.next" "$state/members"
    status=$state/\${client#*://}.status
    [ ! -e "$status" ] || sed -i 's/"member_id":[0-9]*/"member_id":'"$(printf %u "0x\${entry%%,*}")/" "$status"
    case $entry in *false) : >"$state/\${client#*://}.healthy" ;; esac
  fi
  mkdir -p "$data/member/wal"
  [ -e "$data/member/wal/0.wal" ] || : >"$data/member/wal/0.wal"
  exec 5<"$data/member/wal/0.wal"
  if [ -n "\${snapshot_count:-}" ]; then mkdir -p "$data/member/snap"; : >"$data/member/snap/0000000000000002-000000000000000a.snap"; fi
  # This process runs as the user of the test, not as etcd's user.
  chown -hR '${user}' "$data/member"
fi
[ -p "$root/run/never" ] || mkfifo "$root/run/never"
: >"$root/run/etcd.ready"
read -r _ <"$root/run/never"
`;
}

/**
 * A fake etcdctl. It answers from files in /run/cluster, and keeps the members and the turn there. The file
 * `on.COMMAND` is run before the command's own answer.
 */
function etcdctl(root: string): string {
  return `#!/bin/sh
state='${root}/run/cluster'
words= learner=false
for argument; do
  case $argument in
    --endpoints=*) endpoints=\${argument#*=} ;;
    --peer-urls=*) peer=\${argument#*=} ;;
    --learner) learner=true ;;
    --*) ;;
    *) words="\${words:+$words }$argument" ;;
  esac
done
case $learner in true) echo "$endpoints $words --learner" ;; *) echo "$endpoints $words" ;; esac >>"$state/calls"
file() { echo "$state/\${1#*://}.$2"; }
healthy() { [ -e "$state/\${1#*://}.healthy" ]; }
IFS=,
set -- $endpoints
unset IFS
some_healthy() { for endpoint; do ! healthy "$endpoint" || return 0; done; return 1; }
change_members() { sed "$1" "$state/members" >"$state/members.next" && mv "$state/members.next" "$state/members"; }
fail() { echo "Error: $1" >&2; exit 1; }
last=\${words##* }
before() { [ ! -e "$state/on.$1" ] || . "$state/on.$1"; }
before "any call"
before "$words"
[ "\${words% "$last"}" = "$words" ] || before "\${words% "$last"}"
case $words in
  "endpoint "* | "alarm list" | "user list") ;;
  *) some_healthy "$@" || fail "context deadline exceeded" ;;
esac
case $words in
  "endpoint health")
    code=0
    for endpoint; do
      if healthy "$endpoint"; then
        echo "$endpoint is healthy: successfully committed proposal: took = 1.2ms" >&2
      else
        echo "$endpoint is unhealthy: failed to commit proposal: context deadline exceeded" >&2
        code=1
      fi
    done
    [ -e "$state/like-3.1" ] || exit "$code"
    ;;
  "endpoint status -w json")
    separator='['
    for endpoint; do
      healthy "$endpoint" && [ -e "$state/\${endpoint#*://}.status" ] || continue
      read -r status <"$state/\${endpoint#*://}.status" || true
      printf '%s{"Endpoint":"%s","Status":%s}' "$separator" "$endpoint" "$status"
      separator=,
    done
    [ "$separator" = , ] && echo ']'
    ;;
  "member list") cat "$state/members" ;;
  "member add "*)
    ! grep -qF ", $peer, " "$state/members" || fail "etcdserver: Peer URLs already exists"
    added=$((\`cat "$state/added" 2>/dev/null || echo 100\` + 1))
    echo "$added" >"$state/added"
    echo "$added, unstarted, , $peer, , $learner" >>"$state/members"
    ;;
  "member remove "*)
    grep -q "^$last, " "$state/members" || fail "etcdserver: member not found"
    change_members "/^$last, /d"
    ;;
  "member promote "*)
    client=$(awk -F', ' -v id="$last" '$1 == id { print $5 }' "$state/members")
    change_members "/^$last, /s/true$/false/"
    : >"$(file "$client" healthy)"
    ;;
  "alarm list") cat "$state/alarms" 2>/dev/null || true ;;
  "user list") ;;
  "move-leader "*)
    for status in "$state"/*.status; do
      sed 's/"leader":[0-9]*/"leader":'"$last/" "$status" >"$status.next" && mv "$status.next" "$status"
    done
    ;;
  "lease grant "*)
    granted=$((\`cat "$state/granted" 2>/dev/null || echo 0\` + 1))
    echo "$granted" >"$state/granted"
    echo "lease $granted granted with TTL($last""s)"
    ;;
  "lease revoke "*)
    case $(cat "$state/turn" 2>/dev/null) in "$last "*) rm "$state/turn" ;; esac
    echo "lease $last revoked"
    ;;
  txn)
    request=$(cat)
    holder=$(cut -d' ' -f2- "$state/turn" 2>/dev/null)
    case $request in
      create*) if [ -e "$state/turn" ]; then met=; else met=yes; fi ;;
      value*' = "'"$holder"'"'*) met=yes ;;
      *) met= ;;
    esac
    if [ -n "$met" ]; then
      echo "$request" | sed -n 's/^put --lease=\\([^ ]*\\) [^ ]* "\\(.*\\)"$/\\1 \\2/p' >"$state/turn"
      printf 'SUCCESS\\n\\nOK\\n'
    elif [ -e "$state/turn" ]; then
      printf 'FAILURE\\n\\ncdktf-etcd/turn\\n%s\\n' "$holder"
    else
      printf 'FAILURE\\n\\n'
    fi
    ;;
  "lease keep-alive "*) case $(cat "$state/turn" 2>/dev/null) in "$last "*) ;; *) fail "lease not found" ;; esac ;;
  "get cdktf-etcd/") sed -n "s|^put \\($last[^ ]*\\) .*|\\1|p" "$state/keys" 2>/dev/null || true ;;
  "del cdktf-etcd/joins/"* | "del cdktf-etcd/due/"*) sed -i "\\|^put $last |d" "$state/keys" 2>/dev/null || true ;;
  "put cdktf-etcd/joins/"* | "put cdktf-etcd/due/"*) grep -qxF "$words" "$state/keys" 2>/dev/null || echo "$words" >>"$state/keys"; echo OK ;;
  "get cdktf-etcd/joins/"*) grep "^put $last " "$state/keys" 2>/dev/null || true ;;
  "snapshot save "*) printf '%01024d' 0 >"$last" && openssl dgst -sha256 -binary <"$last" >>"$last" ;;
  "snapshot status "*) echo "fe01cf57, 10, 7, 2.1 MB" ;;
  *) fail "unknown command: $words" ;;
esac
`;
}

/** A fake etcdutl, with its answers about snapshots and v2 data. etcd has etcdutl since 3.5. */
function etcdutl(root: string): string {
  return `#!/bin/sh
state='${root}/run/cluster'
echo "etcdutl $1 $2" >>"$state/calls"
[ ! -e "$state/on.etcdutl $1" ] || . "$state/on.etcdutl $1"
[ "$1" != snapshot ] || echo "fe01cf57, 10, 7, 2.1 MB"
`;
}

/** Installs the fake binaries of `version`, and points the link /opt/etcd to them. */
export function installBinaries(host: Host, version = host.cluster.version): void {
  const directory = `/opt/etcd-v${version}`;
  // The process must appear to run from the directory of its version, as that of a binary does, so the shell that runs
  // the script is in that directory, too.
  host.write(`${directory}/.sh`, readFileSync("/bin/sh"), 0o755);
  host.write(`${directory}/etcd`, etcd(host, directory), 0o755);
  host.write(`${directory}/etcdctl`, etcdctl(host.root), 0o755);
  if (atLeast(version, "3.5.0")) host.write(`${directory}/etcdutl`, etcdutl(host.root), 0o755);
  host.write(`${directory}/.sha256`, `${host.archiveSha256}\n`);
  rmSync(host.path("/opt/etcd"), { force: true });
  symlinkSync(`etcd-v${version}`, host.path("/opt/etcd"));
}

/** The names that fake members can have: `a` has the address 127.0.0.1 and the ID 1, `b` has 127.0.0.2 and 2, … */
const NAMES = "abcdef";

export interface FakeStatus {
  readonly id?: number;
  readonly leader?: number;
  readonly cluster?: number;
  readonly version?: string;
}

export type FakeMember = readonly [
  id: string,
  status: "started" | "unstarted",
  name: string,
  more?: { learner?: boolean },
];

/** The cluster that the host's etcdctl sees. */
export class FakeCluster {
  public constructor(private readonly host: Host) {
    host.write("/run/cluster/members", "");
  }

  /**
   * Sets the answer of `member list`. An entry is a member, such as `["1", "started", "a"]`, or only the name of a
   * started member; its URLs are those of its name.
   */
  public members(...entries: readonly (FakeMember | string)[]): void {
    const lines = entries.map((entry) => {
      const [id, status, name, { learner = false } = {}]: FakeMember =
        typeof entry === "string" ? [String(NAMES.indexOf(entry) + 1), "started", entry] : entry;
      const { peerUrl, clientUrl } = this.urls(name);
      const started = status === "started";
      return `${id}, ${status}, ${started ? name : ""}, ${peerUrl}, ${started ? clientUrl : ""}, ${learner}\n`;
    });
    this.host.write("/run/cluster/members", lines.join(""));
  }

  /**
   * The members that the cluster has now: `a`, or `a unstarted learner` for a learner that has never started. The names
   * are those of their addresses.
   */
  public memberNames(): string[] {
    return this.host
      .read("/run/cluster/members")
      .split("\n")
      .slice(0, -1)
      .map((line) => {
        const [, status, , peerUrl, , learner] = line.split(", ");
        const name = NAMES[Number(/127\.0\.0\.(\d)/.exec(peerUrl)?.[1]) - 1];
        return [name, ...(status === "started" ? [] : [status]), ...(learner === "true" ? ["learner"] : [])].join(" ");
      });
  }

  /** Makes these members answer as healthy ones, with a leader. */
  public healthy(names: string, status: FakeStatus = {}): void {
    for (const name of names) {
      this.status(name, status);
      this.state(name, "healthy", "");
    }
  }

  /** Sets the status that a member reports of itself once it answers. */
  public status(name: string, status: FakeStatus = {}): void {
    const { id = NAMES.indexOf(name) + 1, leader = 2, cluster = 77, version = this.host.cluster.version } = status;
    this.state(
      name,
      "status",
      JSON.stringify({
        header: { cluster_id: cluster, member_id: id, revision: 1, raft_term: 2 },
        version,
        dbSize: 20480,
        leader,
        raftIndex: 9,
      }),
    );
  }

  public unhealthy(names: string): void {
    for (const name of names) rmSync(this.host.path(this.file(name, "healthy")), { force: true });
  }

  /** Makes `endpoint health` exit with 0 whatever it finds, as it does in etcd 3.1 and older. */
  public exitsWithZero(): void {
    this.host.write("/run/cluster/like-3.1", "");
  }

  /**
   * Sets what a command does before its own answer, or instead of it if the script calls `exit`. The last word of the
   * command may be left out. The command `any call` is each of them.
   */
  public on(command: string, script: string): void {
    this.host.write(`/run/cluster/on.${command}`, `${script}\n`);
  }

  /** Makes etcd lose this command when it is run for the first time, as if its leader had ended at that moment. */
  public loseOnce(command: string): void {
    this.on(command, `if [ ! -e "$state/lost" ]; then : >"$state/lost"; fail "etcdserver: leader changed"; fi`);
  }

  public off(command: string): void {
    rmSync(this.host.path(`/run/cluster/on.${command}`));
  }

  /** The peer URLs of the members whose join is recorded in the cluster. */
  public joins(): string[] {
    return this.keys("joins");
  }

  /**
   * The peer URLs of the members for which a change that is staged and not yet rolled out is recorded in the cluster.
   */
  public due(): string[] {
    return this.keys("due");
  }

  private keys(directory: string): string[] {
    const text = this.host.has("/run/cluster/keys") ? this.host.read("/run/cluster/keys") : "";
    return [...text.matchAll(/^put cdktf-etcd\/(\S+?)\/(\S+) .*$/gm)]
      .filter(([, name]) => name === directory)
      .map(([, , url]) => url);
  }

  /** Records that a deploy began to add this member, and was interrupted. */
  public began(name: string): void {
    this.host.write("/run/cluster/keys", `put cdktf-etcd/joins/${this.urls(name).peerUrl} ${name}\n`);
  }

  public alarm(text: string): void {
    this.host.write("/run/cluster/alarms", `${text}\n`);
  }

  /** Gives the turn to a member, as another deploy would. */
  public turnOf(name: string): void {
    this.host.write("/run/cluster/turn", `other ${name} (${this.urls(name).peerUrl})\n`);
  }

  /** The name of the member that has the turn. */
  public turn(): string | undefined {
    return this.host.has("/run/cluster/turn") ? this.host.read("/run/cluster/turn").trim().split(" ")[1] : undefined;
  }

  /** The calls of etcdctl, with the names of members in place of their client URLs: `b endpoint health`. */
  public calls(): string[] {
    let text = this.host.has("/run/cluster/calls") ? this.host.read("/run/cluster/calls") : "";
    text = text.split(this.host.root).join("");
    for (const name of NAMES) text = text.split(this.urls(name).clientUrl).join(name);
    return text.split("\n").slice(0, -1);
  }

  /** The calls that change something, or could. */
  public changes(): string[] {
    return this.calls().filter(
      (call) =>
        !/ (endpoint|alarm|member list|lease|txn|del|get cdktf-etcd\/|put cdktf-etcd\/(joins|due)|snapshot status)/.test(
          call,
        ),
    );
  }

  private state(name: string, kind: string, text: string): void {
    this.host.write(this.file(name, kind), text);
  }

  private file(name: string, kind: string): string {
    return `/run/cluster/${this.urls(name).clientUrl.replace(/^\w+:\/\//, "")}.${kind}`;
  }

  private urls(name: string): { peerUrl: string; clientUrl: string } {
    const address = `127.0.0.${NAMES.indexOf(name) + 1}`;
    const { peerPort, clientPort } = this.host.cluster;
    return { peerUrl: `https://${address}:${peerPort}`, clientUrl: `https://${address}:${clientPort}` };
  }
}

/**
 * Makes hosts of a cluster of three members, which accept connections at their client port while the tests of this
 * block run.
 */
export function clusterHosts(newHost: (options?: HostOptions) => Host): () => Host {
  let all: Awaited<ReturnType<typeof listenOn>>;
  beforeAll(async () => {
    all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
  });
  afterAll(() => all.close());
  return () => newHost({ props: { ports: { client: all.port } } });
}

/** Finds a port, and accepts connections at it on these addresses and on no others. */
export async function listenOn(...addresses: string[]): Promise<{ port: number; close(): void }> {
  const servers: Server[] = [];
  for (const address of addresses) {
    const port = servers.length === 0 ? 0 : (servers[0].address() as { port: number }).port;
    servers.push(await listen(address, port));
  }
  return {
    port: (servers[0].address() as { port: number }).port,
    close: () => servers.forEach((server) => server.close()),
  };
}

function listen(address: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    // While a test runs a script, nobody accepts what the script opens, and a script that polls opens hundreds.
    server.on("error", reject).listen({ port, host: address, backlog: 4096 }, () => resolve(server));
  });
}
