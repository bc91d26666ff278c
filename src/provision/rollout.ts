import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { StagedData } from "./staged-data";

/**
 * Applies to the running member what is staged, and waits until the member is healthy.
 *
 * @param triggers One key for each thing that can force a restart, so that the plan shows which members restart and
 *   why.
 * @param staged What the phase must find staged on the host. A new leaf certificate is part of it, but is not a trigger
 *   where etcd loads it without a restart.
 * @param membership The resource that records the list of members. By its id, a host knows whether this deploy changes
 *   the list.
 * @param genesis How the cluster was founded: while the list of members is still the first one in its state, no member
 *   is removed.
 * @param after All bootstraps, or the rollout of the previous member: one member at a time, and a rollout that fails
 *   stops the later ones.
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
