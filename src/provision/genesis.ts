import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, propertyAccess } from "cdktf";
import { Construct } from "constructs";
import type { MemberSettings } from "../settings";
import { initialCluster } from "../topology/initial-cluster";
import type { FoundingData, ListedData } from "./host-scripts";
import { machineDigest } from "./member-facts";
import type { Membership } from "./membership";
import { resourceAddress } from "./resource-address";

/**
 * Stands for a value that the state of an earlier release did not record. It differs from every value that this release
 * records.
 */
const UNKNOWN = "unknown";

export interface GenesisProps {
  readonly members: MemberSettings[];
  /** The list of members of this deploy. */
  readonly membership: Membership;
  /** What is restored, in one line; undefined if the program restores nothing. */
  readonly restore?: string;
}

function provisionOf(member: MemberSettings): string {
  const machine = machineDigest(member);
  return `${member.name}=${member.reprovision}${machine && `@${machine}`}`;
}

/** What genesis records and what a later deploy does not change. */
const RECORDED = ["founders", "membership", "reprovisions", "restored_at"];

/**
 * Records once how the cluster was founded: members that are added later, or that come back, never found a cluster.
 *
 * It comes after all preflights, so a first deploy that preflight refuses is not recorded, and can still be corrected.
 * A restore replaces it: the members that the program names then are the founders of a new cluster.
 *
 * A new state creates a new genesis, and with it a new token: a member that is bootstrapped by mistake gets another
 * cluster ID, which the old members refuse.
 */
export class Genesis extends Construct {
  /** etcd's `--initial-cluster`, with the founders. */
  public readonly founders: string;

  /** etcd's `--initial-cluster-token`. */
  public readonly token: string;

  /** When the restore was recorded (RFC 3339). */
  public readonly restoredAt: string;

  /**
   * The address in Terraform. Replacing this resource by hand replaces every bootstrap, too, in order to found a new
   * cluster.
   */
  public readonly address: string;

  private readonly membership: Membership;

  /** The id of the `membership` resource with which the cluster was founded. */
  private readonly foundingMembership: string;

  /** `NAME=N,…`: the `reprovision` of every founder at that time; with a machine's id, `NAME=N@DIGEST`. */
  private readonly reprovisions: string;

  public constructor(scope: Construct, id: string, { members, membership, restore }: GenesisProps) {
    super(scope, id);

    // Its id changes with each restore, also if the same one is taken out of the program and put back: it is then done
    // from the start, if it was not done before.
    const restoration =
      restore === undefined
        ? undefined
        : new Resource(this, "restoration", { triggers: { restore }, dependsOn: [membership] });
    const memory = new Resource(this, "founders", {
      triggers: {
        founders: initialCluster(members),
        membership: membership.id,
        reprovisions: members.map(provisionOf).join(),
        ...(restoration && { restore: restore ?? "", restoration: restoration.id, restored_at: Fn.timestamp() }),
      },
      // Only another restore replaces genesis, not the removal of `restore` from the program.
      lifecycle: {
        ignoreChanges: restore === undefined ? ["triggers"] : RECORDED.map((name) => `triggers["${name}"]`),
      },
    });
    const triggers = memory.interpolationForAttribute("triggers");
    this.founders = propertyAccess(triggers, ["founders"]) as unknown as string;
    this.membership = membership;
    this.foundingMembership = Fn.lookup(triggers, "membership", UNKNOWN) as string;
    this.reprovisions = Fn.lookup(triggers, "reprovisions", UNKNOWN) as string;
    this.restoredAt = Fn.lookup(triggers, "restored_at", UNKNOWN) as string;
    this.token = memory.id;
    this.address = resourceAddress(memory);
  }

  /** The facts by which a host knows whether this deploy founds the cluster with its member. */
  public get founding(): FoundingData {
    return {
      FOUNDERS: this.founders,
      CLUSTER_TOKEN: this.token,
      FOUNDING_MEMBERSHIP: this.foundingMembership,
      FOUNDING_REPROVISIONS: this.reprovisions,
      MEMBERSHIP: this.membership.id,
    };
  }

  /** The facts by which a host knows whether this deploy changes the list of members. */
  public get listed(): ListedData {
    return { MEMBERSHIP: this.membership.id, FOUNDING_MEMBERSHIP: this.foundingMembership };
  }
}
