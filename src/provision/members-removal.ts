import { type ITerraformDependable, TerraformIterator, TerraformResource } from "cdktf";
import type { Construct } from "constructs";
import type { MemberSettings } from "../settings";
import { type RememberedMember, removal, type RemovalOptions } from "./removal";
import { memberId } from "./resource-address";

/**
 * What runs when a member leaves the program, as one resource with `for_each`: Terraform runs the destroy-time
 * provisioner of a key that was removed, but not that of a block that was removed (ADR 13).
 */
export abstract class MembersRemoval extends TerraformResource {
  /**
   * @param remembered What is stored for each member, by its name.
   */
  protected constructor(
    scope: Construct,
    id: string,
    remembered: { readonly [name: string]: RememberedMember },
    options: Omit<RemovalOptions, "owner">,
    after: ITerraformDependable[],
  ) {
    const members = TerraformIterator.fromMap({ ...remembered });
    super(scope, id, { ...removal({ ...options, owner: "self.id" }), forEach: members, dependsOn: after });
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
