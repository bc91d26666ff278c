import { type ITerraformDependable, TerraformIterator, TerraformResource } from "cdktf";
import type { Construct } from "constructs";
import type { ClusterSettings, MemberSettings } from "../settings";
import { rememberedMember, removal } from "./removal";
import { resourceAddress } from "./resource-address";

/**
 * Stops and unregisters a member that left the program.
 *
 * One resource with `for_each`: removing a key runs its destroy-time provisioner, removing a block would not. A host that does not answer
 * is given up after the connection's timeout: what leaves the program may be dead (ADR 13).
 */
export class Decommission extends TerraformResource {
  /**
   * @param path Of the cluster's construct.
   * @param after The preflights of all members: a member that was refused must not be known here, or taking it out again would stop what stands
   *   in its place. And through them the CA: it outlives this, so a destroy that fails half way loses none. Not genesis: after such a destroy
   *   the hosts that were wiped must not found anything under the token that another one's data bear.
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
      ...removal(scope, "decommission", "continue", "self.id"),
      forEach: members,
      dependsOn: after,
    });
    this.addOverride("input", members.value);
  }

  /** A member's id in this state: another state of the same program has another one, and what it has staged is left to it. */
  public owner(member: MemberSettings): string {
    // By its index, always: CDKTF's own access would be `.NAME`, which Terraform does not take for a key.
    return `\${${resourceAddress(this)}["${member.name}"].id}`;
  }
}
