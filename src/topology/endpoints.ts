import { byName } from "./order";

/** etcdctl's `--endpoints`: the client URLs, sorted by member name and separated by commas. */
export function endpoints(members: readonly { readonly name: string; readonly clientUrl: string }[]): string {
  return [...members]
    .sort(byName)
    .map((member) => member.clientUrl)
    .join(",");
}
