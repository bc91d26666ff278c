import { byName } from "./order";

/**
 * etcd's `--initial-cluster`: `name=peerUrl,…`, sorted by name, so that the text does not depend on the order in the
 * program.
 */
export function initialCluster(members: readonly { readonly name: string; readonly peerUrl: string }[]): string {
  return [...members]
    .sort(byName)
    .map((member) => `${member.name}=${member.peerUrl}`)
    .join(",");
}
