import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import { resourceAddress } from "./resource-address";

/**
 * Takes out of the cluster what the program no longer names, prints the members, their health and the leader, and fails when one is not healthy.
 *
 * @param host The host that asks all the others.
 * @param membership The record of the list of members: it runs again when that changes, and a host knows an old copy of the state by its id.
 * @param genesis A list of members that is still the first one of its state takes nobody out.
 * @param rollouts By member name; it runs again when one of them did.
 * @param stages Of all members; the same: a new leaf needs no rollout, and may meet a dead member.
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
