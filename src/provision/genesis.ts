import { Resource } from "@cdktf/provider-null/lib/resource";
import { propertyAccess } from "cdktf";
import { Construct } from "constructs";
import type { MemberSettings } from "../settings";
import { initialCluster } from "../topology/initial-cluster";

/**
 * Remembers who founded the cluster, once: members that are added later never found anything.
 *
 * A new state makes a new genesis, and so a new token: what bootstraps by mistake gets another cluster ID, which the old members refuse.
 */
export class Genesis extends Construct {
  /** etcd's `--initial-cluster` of the founders. */
  public readonly founders: string;

  /** etcd's `--initial-cluster-token`. */
  public readonly token: string;

  public constructor(scope: Construct, id: string, members: MemberSettings[]) {
    super(scope, id);

    const memory = new Resource(this, "founders", {
      triggers: { founders: initialCluster(members) },
      lifecycle: { ignoreChanges: ["triggers"] },
    });
    this.founders = propertyAccess(memory.interpolationForAttribute("triggers"), ["founders"]) as unknown as string;
    this.token = memory.id;
  }
}
