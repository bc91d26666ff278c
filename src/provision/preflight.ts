import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn } from "cdktf";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";
import type { Payload } from "./payload";

/**
 * Looks at the host and changes nothing. Everything else waits for the preflights of all members.
 *
 * @param members etcd's `--initial-cluster`.
 * @param reprovisions Who was made anew how often.
 */
export function preflight(
  scope: Construct,
  host: MemberHost,
  payload: Payload,
  members: string,
  reprovisions: string,
): Resource {
  return new Resource(scope, "preflight", {
    // A host of a living cluster says whether members may be added or removed now, and closes its connections to one that is dead.
    triggers: { ...payload.triggers, members, reprovisions },
    provisioners: [host.run("preflight", preflightData(payload))],
  });
}

/** What the checks compare the host with. */
export function preflightData(payload: Payload): { [key: string]: string } {
  return {
    OPERATOR_TIME: Fn.timestamp(),
    CA_PEM_BASE64: Fn.base64encode(payload.caPem),
    AUTHORITY_PEM_BASE64: Fn.base64encode(payload.authorityPem),
    LEAF_PEM_BASE64: Fn.base64encode(payload.certificatePem),
  };
}
