import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Membership } from "./membership";
import { resourceAddress } from "./resource-address";
import type { Rollout } from "./rollout";
import type { Stage } from "./stage";

export interface HealthProps {
  /** The host on which the phase runs. It asks all the others. */
  readonly host: MemberHost;
  /** The list of members. The phase runs again when it changes. */
  readonly membership: Membership;
  readonly genesis: Genesis;
  /** The rollouts, by member name. The phase runs again when one of them has run. */
  readonly rollouts: { readonly [member: string]: Rollout };
  /**
   * The stages of all members. The phase runs again when one of them has run, too: a new leaf certificate needs no
   * rollout, and a member may be dead at that time.
   */
  readonly stages: readonly Stage[];
}

/**
 * Removes from the cluster the members that the program no longer names, prints the members with their health and the
 * leader, and fails if a member is not healthy.
 */
export class Health extends Resource {
  public constructor(scope: Construct, id: string, { host, membership, genesis, rollouts, stages }: HealthProps) {
    const ofEach = Object.entries(rollouts);
    super(scope, id, {
      triggers: {
        ...Object.fromEntries(ofEach.map(([member, rollout]) => [member, rollout.id])),
        membership: membership.id,
        stages: stages.map((stage) => stage.id).join(","),
      },
      provisioners: [
        host.run("health", {
          ...genesis.listed,
          ROLLOUTS: ofEach.map(([member, rollout]) => `${member}=${resourceAddress(rollout)}`).join(","),
        }),
      ],
    });
  }
}
