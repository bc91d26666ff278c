import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";

/**
 * Prints the members, their health and the leader, and fails when one is not healthy.
 *
 * @param host The host that asks all the others.
 * @param rollouts By member name; it runs again when one of them did.
 */
export function health(scope: Construct, host: MemberHost, rollouts: { [member: string]: Resource }): Resource {
  return new Resource(scope, "health", {
    triggers: Object.fromEntries(Object.entries(rollouts).map(([member, resource]) => [member, resource.id])),
    provisioners: [host.run("health", 120)],
  });
}
