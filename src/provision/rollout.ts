import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";

/**
 * Brings the running member to what is staged, and gates on its health.
 *
 * @param triggers One key for each thing that can force a restart, so that the plan says who restarts and why.
 * @param after All bootstraps and memberships, and the rollout of the member before: one member at a time, and a failed one stops the rest.
 */
export function rollout(
  scope: Construct,
  host: MemberHost,
  triggers: { [name: string]: string },
  after: Resource[],
): Resource {
  return new Resource(scope, "rollout", {
    triggers,
    provisioners: [host.run("rollout", 300)],
    dependsOn: after,
  });
}
