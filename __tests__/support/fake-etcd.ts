import { rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { Host } from "./host";

/** Waits for a signal as etcd would, and leaves its arguments for the test to see; one that finds `/run/stuck` says it and writes no data. */
function etcd(root: string): string {
  return `#!/bin/sh
root='${root}'
printf '%s\\n' "$@" >"$root/run/etcd.args"
for argument; do case $argument in --data-dir=*) data=\${argument#*=} ;; esac; done
if [ -e "$root/run/stuck" ]; then cat "$root/run/stuck"; else mkdir -p "$data/member/wal"; fi
[ -p "$root/run/never" ] || mkfifo "$root/run/never"
read -r _ <"$root/run/never"
`;
}

/** Answers from files in /run/cluster. */
function etcdctl(root: string): string {
  return `#!/bin/sh
state='${root}/run/cluster'
for argument; do
  case $argument in
    --endpoints=*) endpoints=\${argument#*=} ;;
    --*) ;;
    *) words="\${words:+$words }$argument" ;;
  esac
done
echo "$endpoints $words" >>"$state/calls"
file() { printf '%s/%s.%s' "$state" "$(printf %s "$1" | tr '/:' __)" "$2"; }
healthy() { [ -e "$(file "$1" healthy)" ]; }
case $words in
  "endpoint health")
    code=0
    for endpoint in $(echo "$endpoints" | tr , ' '); do
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
    for endpoint in $(echo "$endpoints" | tr , ' '); do
      healthy "$endpoint" || continue
      printf '%s{"Endpoint":"%s","Status":%s}' "$separator" "$endpoint" "$(cat "$(file "$endpoint" status)")"
      separator=,
    done
    [ "$separator" = , ] && echo ']'
    ;;
  "member list") healthy "$endpoints" && cat "$state/members" ;;
  "alarm list") cat "$state/alarms" 2>/dev/null || true ;;
  "move-leader "*)
    [ ! -e "$state/move-leader" ] || . "$state/move-leader"
    status=$(file "$endpoints" status)
    sed 's/"leader":[0-9]*/"leader":'"\${words##* }/" "$status" >"$status.next" && mv "$status.next" "$status"
    ;;
  *) echo "unknown command: $words" >&2; exit 1 ;;
esac
`;
}

/** Installs binaries of `version`, and makes the link to them. */
export function installBinaries(host: Host, version = host.cluster.version): void {
  const directory = `/opt/etcd-v${version}`;
  host.write(`${directory}/etcd`, etcd(host.root), 0o755);
  host.write(`${directory}/etcdctl`, etcdctl(host.root), 0o755);
  host.write(`${directory}/.sha256`, `${host.archiveSha256}\n`);
  rmSync(host.path("/opt/etcd"), { force: true });
  symlinkSync(`etcd-v${version}`, host.path("/opt/etcd"));
}

/** The cluster that the host's etcdctl sees: members a, b and c with the IDs 1, 2 and 3. */
export class FakeCluster {
  public constructor(private readonly host: Host) {
    host.write("/run/cluster/members", "");
  }

  /** `member list`, one entry a member: `["1", "started", "a"]`, with its usual URLs. */
  public members(
    ...entries: (readonly [id: string, status: "started" | "unstarted", name: string, more?: { learner?: boolean }])[]
  ): void {
    const lines = entries.map(([id, status, name, { learner = false } = {}]) => {
      const { peerUrl, clientUrl } = this.urls(name);
      const started = status === "started";
      return `${id}, ${status}, ${started ? name : ""}, ${peerUrl}, ${started ? clientUrl : ""}, ${learner}\n`;
    });
    this.host.write("/run/cluster/members", lines.join(""));
  }

  /** Makes a member answer, with a leader. */
  public healthy(
    name: string,
    status: { id?: number; leader?: number; cluster?: number; learner?: boolean } = {},
  ): void {
    const { id = "abc".indexOf(name) + 1, leader = 2, cluster = 77, learner } = status;
    this.state(
      name,
      "status",
      JSON.stringify({
        header: { cluster_id: cluster, member_id: id, revision: 1, raft_term: 2 },
        version: "3.6.14",
        dbSize: 20480,
        leader,
        raftIndex: 9,
        isLearner: learner,
      }),
    );
    this.state(name, "healthy", "");
  }

  public unhealthy(name: string): void {
    rmSync(this.host.path(this.file(name, "healthy")), { force: true });
  }

  /** As until 3.1: `endpoint health` exits with 0 whatever it finds. */
  public exitsWithZero(): void {
    this.host.write("/run/cluster/like-3.1", "");
  }

  /** What `move-leader` does instead. */
  public moveLeaderIs(script: string): void {
    this.host.write("/run/cluster/move-leader", `${script}\n`);
  }

  public alarm(text: string): void {
    this.host.write("/run/cluster/alarms", `${text}\n`);
  }

  /** What etcdctl was asked: `b endpoint health`. */
  public calls(): string[] {
    let text = this.host.has("/run/cluster/calls") ? this.host.read("/run/cluster/calls") : "";
    for (const { clientUrl, name } of this.host.cluster.members) text = text.split(clientUrl).join(name);
    return text.split("\n").slice(0, -1);
  }

  private state(name: string, kind: string, text: string): void {
    this.host.write(this.file(name, kind), text);
  }

  private file(name: string, kind: string): string {
    return `/run/cluster/${this.urls(name).clientUrl.replace(/[/:]/g, "_")}.${kind}`;
  }

  private urls(name: string): { peerUrl: string; clientUrl: string } {
    const member = this.host.cluster.members.find((candidate) => candidate.name === name);
    if (!member) throw new Error(`no member ${name}`);
    return member;
  }
}

/** A port on which these addresses accept connections, and others do not. */
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
    server.on("error", reject).listen(port, address, () => resolve(server));
  });
}
