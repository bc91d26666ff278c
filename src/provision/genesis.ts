import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, propertyAccess } from "cdktf";
import { Construct } from "constructs";
import type { MemberSettings } from "../settings";
import { initialCluster } from "../topology/initial-cluster";
import type { Membership } from "./membership";
import { resourceAddress } from "./resource-address";

/**
 * Stands for a value that the state of an earlier release did not record. It differs from every value that this release
 * records.
 */
const UNKNOWN = "unknown";

/**
 * Records once how the cluster was founded: members that are added later, or that come back, never found a cluster.
 *
 * It comes after all preflights, so a first deploy that preflight refuses is not recorded, and can still be corrected.
 * A new state creates a new genesis, and with it a new token: a member that is bootstrapped by mistake gets another
 * cluster ID, which the old members refuse.
 */
export class Genesis extends Construct {
  /** etcd's `--initial-cluster`, with the founders. */
  public readonly founders: string;

  /** etcd's `--initial-cluster-token`. */
  public readonly token: string;

  /** The id of the `membership` resource with which the cluster was founded. */
  public readonly membership: string;

  /** `NAME=N,…`: the `reprovision` of every founder at that time. */
  public readonly reprovisions: string;

  /**
   * The address in Terraform. Replacing this resource by hand replaces every bootstrap, too, in order to found a new
   * cluster.
   */
  public readonly address: string;

  public constructor(scope: Construct, id: string, members: MemberSettings[], membership: Membership) {
    super(scope, id);

    const memory = new Resource(this, "founders", {
      triggers: {
        founders: initialCluster(members),
        membership: membership.id,
        reprovisions: members.map(({ name, reprovision }) => `${name}=${reprovision}`).join(),
      },
      lifecycle: { ignoreChanges: ["triggers"] },
    });
    const triggers = memory.interpolationForAttribute("triggers");
    this.founders = propertyAccess(triggers, ["founders"]) as unknown as string;
    this.membership = Fn.lookup(triggers, "membership", UNKNOWN) as string;
    this.reprovisions = Fn.lookup(triggers, "reprovisions", UNKNOWN) as string;
    this.token = memory.id;
    this.address = resourceAddress(memory);
  }
}
