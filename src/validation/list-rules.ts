import { Tokenization } from "cdktf";
import type { EtcdClusterProps } from "../settings";
import { isListToken, type Rule } from "./problem";

/** Lists and maps of the props, by name. What is made of them is decided at synth: how many members, which certificates, which flags. */
function listsOf({ members, listenMetricsUrls, extraFlags, certificates }: EtcdClusterProps): {
  [prop: string]: unknown;
} {
  return {
    members,
    listenMetricsUrls,
    extraFlags,
    "certificates.dnsNames": certificates?.dnsNames,
    "certificates.ipAddresses": certificates?.ipAddresses,
    "certificates.trustedAuthorities": certificates?.trustedAuthorities,
  };
}

export const lists: Rule = function* ({ props }) {
  for (const [prop, list] of Object.entries(listsOf(props))) {
    const items: unknown[] =
      typeof list === "object" && list !== null ? [...Object.keys(list), ...Object.values(list)] : [list];
    if (Tokenization.isResolvable(list) || items.some(isListToken)) {
      yield `${prop}: is known to Terraform at apply only, and must be known at synth; give it in the program, e.g. from a file or the environment`;
    }
  }
};
