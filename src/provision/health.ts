import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import { resourceAddress } from "./resource-address";

/**
 * Removes from the cluster the members that the program no longer names, prints the members with their health and the
 * leader, and fails if a member is not healthy.
 *
 * @param host The host on which the phase runs. It asks all the others.
 * @param membership The resource that records the list of members. The phase runs again when the list changes, and a
 *   host recognizes an old copy of the state by the resource's id.
 * @param genesis How the cluster was founded: while the list of members is still the first one in its state, no member
 *   is removed.
 * @param rollouts The rollouts, by member name. The phase runs again when one of them has run.
 * @param stages The stages of all members. The phase runs again when one of them has run, too: a new leaf certificate
 *   needs no rollout, and a member may be dead at that time.
 */
export function health(
  scope: Construct,
  host: MemberHost,
  membership: Resource,
  genesis: Genesis,
  rollouts: { [member: string]: Resource },
  stages: readonly Resource[],
): Resource {
  const ids = Object.fromEntries(Object.entries(rollouts).map(([member, resource]) => [member, resource.id]));
  return new Resource(scope, "health", {
    triggers: { ...ids, membership: membership.id, stages: stages.map(({ id }) => id).join(",") },
    provisioners: [
      host.run("health", {
        MEMBERSHIP: membership.id,
        FOUNDING_MEMBERSHIP: genesis.membership,
        ROLLOUTS: Object.entries(rollouts)
          .map(([member, resource]) => `${member}=${resourceAddress(resource)}`)
          .join(","),
      }),
    ],
  });
}
