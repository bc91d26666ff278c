import type { ClusterSettings, MemberSettings } from "../settings";
import { initialCluster } from "../topology/initial-cluster";
import type { EtcdFlag } from "./etcd-flags";
import { installedFiles } from "./layout";
import { alwaysQuote, shellQuote } from "./shell-quote";

/**
 * The script that supervisor runs. It `exec`s etcd, or signals would stop at the shell.
 *
 * It never starts a member without data by itself: `bootstrap` and `rollout` leave `first-start.env`, which sets the same three
 * variables, when they have decided so. etcd ignores all three once it has data.
 */
export function renderStartupScript(
  cluster: Pick<ClusterSettings, "members" | "installRoot" | "dataDir">,
  { name, peerUrl }: Pick<MemberSettings, "name" | "peerUrl">,
  flags: readonly EtcdFlag[],
): string {
  const { etcd, firstStart, mounts } = installedFiles(cluster.installRoot);
  const { dataDir } = cluster;
  const unmounted = `was mounted when this member was last healthy and is not now: not starting; mount it`;
  const foreign = `${name}: the data in ${dataDir} are another member's: not starting; bring the right disk back`;
  const refusal = `${name}: no data in ${dataDir} and no deploy has asked for a first start: not starting; run a deploy`;
  return `#!/bin/sh
# Member ${name} of etcd; rendered by cdktf-etcd, edits are overwritten by the next deploy.
set -eu
# Again, in a clean environment: supervisor's may have ETCD_*, HTTPS_PROXY and the like, and etcd takes its settings from the flags below alone.
[ "\${1:-}" = clean ] || exec /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  \${ETCD_UNSUPPORTED_ARCH:+"ETCD_UNSUPPORTED_ARCH=$ETCD_UNSUPPORTED_ARCH"} /bin/sh "$0" clean
initial_cluster=${alwaysQuote(initialCluster(cluster.members))}
initial_cluster_state=existing
initial_cluster_token=etcd-cluster
# Without its disk a member would start with nothing, or with older data that lay there before, and could lose acknowledged writes.
if [ -r ${shellQuote(mounts)} ]; then
  while read -r mount; do
    cut -d' ' -f5 /proc/self/mountinfo | grep -qxF -e "$mount" || {
      echo ${alwaysQuote(`${name}:`)} "$mount" ${alwaysQuote(unmounted)} >&2
      exit 1
    }
  done <${shellQuote(mounts)}
fi
# On the disk of another host etcd would run as that one's member.
for mark in ${shellQuote(`${dataDir}/.cdktf-etcd`)} ${shellQuote(`${dataDir}/member/wal/.cdktf-etcd`)}; do
  [ ! -f "$mark" ] || grep -qxF ${alwaysQuote(`peer_url=${peerUrl}`)} "$mark" || {
    echo ${alwaysQuote(foreign)} >&2
    exit 1
  }
done
# Data are files of the write-ahead log; its directory alone is none.
set -- ${shellQuote(`${dataDir}/member/wal`)}/*.wal
# Left here by a deploy for this member's first start only, and gone once it has data.
if [ -r ${shellQuote(firstStart)} ]; then
  . ${shellQuote(firstStart)}
elif [ ! -e "$1" ]; then
  # Starting empty under an old identity could lose acknowledged writes, so supervisor may retry this as often as it likes.
  echo ${alwaysQuote(refusal)} >&2
  exit 1
fi
# Programs of supervisor have a soft limit of 1024 open files, and etcd raises it only where Go 1.19 or newer has built it.
ulimit -S -n "$(ulimit -H -n)" || true
exec ${shellQuote(etcd)} \\
${flags.map(([flag, value]) => `  --${flag}=${shellQuote(value)} \\\n`).join("")}  --initial-cluster="$initial_cluster" \\
  --initial-cluster-state="$initial_cluster_state" \\
  --initial-cluster-token="$initial_cluster_token"
`;
}

/** The part of a startup script whose change must restart a running member: all but the members' list, or scaling would restart everyone. */
export function restartRelevant(startupScript: string): string {
  return startupScript.replace(/^initial_cluster='.*'\n/m, "");
}
