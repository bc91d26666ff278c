import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { StagedData } from "./staged-data";

/**
 * Brings the running member to what is staged, and gates on its health.
 *
 * @param triggers One key for each thing that can force a restart, so that the plan says who restarts and why.
 * @param staged What it must find on the host; a new leaf is in it and in no trigger, since etcd takes that in without a restart.
 * @param membership The record of the list of members, by whose id a host knows whether this deploy changes it.
 * @param genesis A list of members that is still the first one of its state takes nobody out.
 * @param after All bootstraps, or the rollout of the member before: one member at a time, and a failed one stops the rest.
 */
export function rollout(
  scope: Construct,
  host: MemberHost,
  triggers: { [name: string]: string },
  staged: StagedData,
  membership: Resource,
  genesis: Genesis,
  after: Resource[],
): Resource {
  return new Resource(scope, "rollout", {
    triggers,
    provisioners: [
      host.run("rollout", { ...staged, MEMBERSHIP: membership.id, FOUNDING_MEMBERSHIP: genesis.membership }),
    ],
    dependsOn: after,
  });
}
