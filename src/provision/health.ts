import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Membership } from "./membership";
import { resourceAddress } from "./resource-address";
import type { Rollout } from "./rollout";
import type { Stage } from "./stage";

/** What the phase needs to know of each member. */
export interface HealthMember {
  readonly name: string;
  /** The phase runs again when it has run. */
  readonly rollout: Rollout;
  /**
   * The phase runs again when it has run, too: a new leaf certificate needs no rollout, and a member may be dead at that
   * time.
   */
  readonly stage: Stage;
  /**
   * Digest of the leaf certificate that the member must serve: if a stage was killed before it began, nothing else tells
   * that it did not install the leaf (ADR 8).
   */
  readonly leafSha256: string;
}

export interface HealthProps {
  /** The host on which the phase runs. It asks all the others. */
  readonly host: MemberHost;
  /** The list of members. The phase runs again when it changes. */
  readonly membership: Membership;
  readonly genesis: Genesis;
  readonly members: readonly HealthMember[];
}

/**
 * Removes from the cluster the members that the program no longer names, prints the members with their health and the
 * leader, and fails if a member is not healthy, or serves another certificate than that of this deploy.
 */
export class Health extends Resource {
  public constructor(scope: Construct, id: string, { host, membership, genesis, members }: HealthProps) {
    const ofEach = (value: (member: HealthMember) => string) =>
      members.map((member) => `${member.name}=${value(member)}`).join(",");
    super(scope, id, {
      triggers: {
        ...Object.fromEntries(members.map(({ name, rollout }) => [name, rollout.id])),
        membership: membership.id,
        stages: members.map(({ stage }) => stage.id).join(","),
      },
      provisioners: [
        host.run("health", {
          ...genesis.listed,
          ROLLOUTS: ofEach(({ rollout }) => resourceAddress(rollout)),
          STAGES: ofEach(({ stage }) => resourceAddress(stage)),
          LEAVES: ofEach(({ leafSha256 }) => leafSha256),
        }),
      ],
    });
  }
}
