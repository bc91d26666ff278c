import type { ClusterSettings, MemberSettings } from "../settings";
import { initialCluster } from "../topology/initial-cluster";
import { type EtcdFlag, withoutCorruptionCheck } from "./etcd-flags";
import { installedFiles } from "./layout";
import { alwaysQuote, shellQuote } from "./shell-quote";

/**
 * The script that supervisor runs. It starts etcd with `exec`, because otherwise signals would reach only the shell.
 *
 * It never starts a member without data on its own: when `bootstrap` or `rollout` has decided to start one, it writes
 * `first-start.env`, which sets the same three variables as the script. etcd ignores all three once it has data.
 */
export function renderStartupScript(
  cluster: Pick<ClusterSettings, "members" | "installRoot" | "dataDir">,
  { name, peerUrl }: Pick<MemberSettings, "name" | "peerUrl">,
  flags: readonly EtcdFlag[],
): string {
  const { etcd, firstStart, quarantine, mounts } = installedFiles(cluster.installRoot);
  const { dataDir } = cluster;
  const withoutCheck = withoutCorruptionCheck(flags)
    .map(([flag, value]) => ` ${shellQuote(`--${flag}=${value}`)}`)
    .join("");
  const unmounted = `was mounted when this member was last healthy, and is not mounted now: not starting; mount it`;
  const foreign = `${name}: the data in ${dataDir} belong to another member: not starting; bring the right disk back`;
  const refusal = `${name}: no data in ${dataDir} and no deploy has asked for a first start: not starting; run a deploy`;
  return `#!/bin/sh
# The startup script of etcd member ${name}. Rendered by cdktf-etcd; the next deploy overwrites all edits.
set -eu
# The script runs itself again in a clean environment: supervisor's environment may contain ETCD_*, HTTPS_PROXY and the
# like, but etcd must take its settings only from the flags below.
[ "\${1:-}" = clean ] || exec /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  \${ETCD_UNSUPPORTED_ARCH:+"ETCD_UNSUPPORTED_ARCH=$ETCD_UNSUPPORTED_ARCH"} /bin/sh "$0" clean
initial_cluster=${alwaysQuote(initialCluster(cluster.members))}
initial_cluster_state=existing
initial_cluster_token=etcd-cluster
# Without its disk, a member would start without data, or with older data from below the mount point, and could lose
# acknowledged writes.
if [ -r ${shellQuote(mounts)} ]; then
  while read -r mount; do
    cut -d' ' -f5 /proc/self/mountinfo | grep -qxF -e "$mount" || {
      echo ${alwaysQuote(`${name}:`)} "$mount" ${alwaysQuote(unmounted)} >&2
      exit 1
    }
  done <${shellQuote(mounts)}
fi
# On the disk of another host, etcd would run as the member of that host.
for mark in ${shellQuote(`${dataDir}/.cdktf-etcd`)} ${shellQuote(`${dataDir}/member/wal/.cdktf-etcd`)}; do
  [ ! -s "$mark" ] || grep -qxF ${alwaysQuote(`peer_url=${peerUrl}`)} "$mark" || {
    echo ${alwaysQuote(foreign)} >&2
    exit 1
  }
done
# A member has data if there are files of the write-ahead log. The directory alone does not count.
set -- ${shellQuote(`${dataDir}/member/wal`)}/*.wal
# A deploy writes this file only for the member's first start, and removes it once the member has data.
if [ -r ${shellQuote(firstStart)} ]; then
  . ${shellQuote(firstStart)}
elif [ ! -e "$1" ]; then
  # A start without data under an old identity could lose acknowledged writes. supervisor may retry as often as it
  # likes.
  echo ${alwaysQuote(refusal)} >&2
  exit 1
fi
# Until a deploy has verified that all restored members have the same data, no client is let in. etcd's own check of that
# is left out until then: members that start at the same time wait for each other's answers in vain, 7 s for each.
set --
if [ -r ${shellQuote(quarantine)} ]; then
  read -r url <${shellQuote(quarantine)}
  set -- "--listen-client-urls=$url"${withoutCheck}
fi
# supervisor's programs have a soft limit of 1024 open files, and etcd raises it only if it was built with Go 1.19 or
# newer.
ulimit -S -n "$(ulimit -H -n)" || true
exec ${shellQuote(etcd)} \\
${flags.map(([flag, value]) => `  --${flag}=${shellQuote(value)} \\\n`).join("")}  --initial-cluster="$initial_cluster" \\
  --initial-cluster-state="$initial_cluster_state" \\
  --initial-cluster-token="$initial_cluster_token" "$@"
`;
}

/**
 * The part of a startup script whose change must restart a running member: everything but the list of members, because
 * otherwise scaling would restart every member. `restart_relevant` in `scripts/lib/converge.sh` must drop the same
 * line.
 */
export function restartRelevant(startupScript: string): string {
  return startupScript.replace(/^initial_cluster='.*'\n/m, "");
}
