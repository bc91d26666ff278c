import { byName } from "./order";

/** etcdctl's `--endpoints`: the client URLs, by member name, separated by commas. */
export function endpoints(members: readonly { readonly name: string; readonly clientUrl: string }[]): string {
  return [...members]
    .sort(byName)
    .map((member) => member.clientUrl)
    .join(",");
}
