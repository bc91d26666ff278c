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
  { name }: Pick<MemberSettings, "name">,
  flags: readonly EtcdFlag[],
): string {
  const { etcd, firstStart } = installedFiles(cluster.installRoot);
  const { dataDir } = cluster;
  const refusal = `${name}: no data in ${dataDir} and no deploy has asked for a first start: not starting; run a deploy`;
  return `#!/bin/sh
# Member ${name} of etcd; rendered by cdktf-etcd, edits are overwritten by the next deploy.
set -eu
initial_cluster=${alwaysQuote(initialCluster(cluster.members))}
initial_cluster_state=existing
initial_cluster_token=etcd-cluster
# Left here by a deploy for this member's first start only, and gone once it has data.
if [ -r ${shellQuote(firstStart)} ]; then
  . ${shellQuote(firstStart)}
elif [ ! -d ${shellQuote(`${dataDir}/member/wal`)} ]; then
  # Starting empty under an old identity could lose acknowledged writes, so supervisor may retry this as often as it likes.
  echo ${alwaysQuote(refusal)} >&2
  exit 1
fi
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
