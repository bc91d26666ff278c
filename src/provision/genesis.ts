import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, propertyAccess } from "cdktf";
import { Construct } from "constructs";
import type { MemberSettings } from "../settings";
import { initialCluster } from "../topology/initial-cluster";
import { resourceAddress } from "./resource-address";

/** What the state of an earlier release has not remembered; it is like nothing that this one would remember. */
const UNKNOWN = "unknown";

/**
 * Remembers the founding, once: members that come later, or come back, never found anything.
 *
 * It comes after all preflights: a first deploy that they refuse is not remembered, and may be corrected. A new state makes a new genesis, and so a new token: what bootstraps by mistake gets another cluster ID, which the old members refuse.
 */
export class Genesis extends Construct {
  /** etcd's `--initial-cluster` of the founders. */
  public readonly founders: string;

  /** etcd's `--initial-cluster-token`. */
  public readonly token: string;

  /** Id of the record of the list of members that the cluster was founded with. */
  public readonly membership: string;

  /** `NAME=N,…`: every founder's `reprovision` at that time. */
  public readonly reprovisions: string;

  /** Address in Terraform: who makes genesis anew by hand founds anew. */
  public readonly address: string;

  public constructor(scope: Construct, id: string, members: MemberSettings[], membership: Resource) {
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
