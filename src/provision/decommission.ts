import { type ITerraformDependable, TerraformIterator, TerraformResource } from "cdktf";
import type { Construct } from "constructs";
import type { ClusterSettings, MemberSettings } from "../settings";
import { rememberedMember, removal } from "./removal";
import { memberId } from "./resource-address";
import { SharedScripts } from "./shared-scripts";

/**
 * Stops and unregisters a member that has left the program.
 *
 * It is one resource with `for_each`: Terraform runs the destroy-time provisioner of a key that was removed, but not
 * that of a block that was removed (ADR 13). The host of a member that leaves the program may be dead: if it does not
 * answer, Terraform gives up after the connection's timeout (ADR 9).
 */
export class Decommission extends TerraformResource {
  /**
   * @param path Path of the cluster's construct.
   * @param after The preflights of all members: a member that preflight refused must not be recorded here, or removing
   *   it from the program again would stop whatever runs in its place. Through the preflights, this resource depends on
   *   the CA, which therefore outlives it, so a destroy that fails halfway does not lose the CA. Genesis must not be
   *   among them: it would then outlive such a destroy, too, and hosts that were wiped could found a cluster with the
   *   token that another host's data already have.
   */
  public constructor(
    scope: Construct,
    id: string,
    path: string,
    cluster: ClusterSettings,
    after: ITerraformDependable[],
  ) {
    const members = TerraformIterator.fromMap(
      Object.fromEntries(cluster.members.map((member) => [member.name, rememberedMember(path, cluster, member)])),
    );
    super(scope, id, {
      ...removal({
        phase: "decommission",
        onFailure: "continue",
        scripts: SharedScripts.of(scope).removalScripts,
        owner: "self.id",
      }),
      forEach: members,
      dependsOn: after,
    });
    this.addOverride("input", members.value);
  }

  /**
   * A member's id in this Terraform state. Another state of the same program has another id for it, so a removal from
   * this state leaves alone what the other one has staged.
   */
  public owner(member: MemberSettings): string {
    return memberId(this, member.name);
  }
}
