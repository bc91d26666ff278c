import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import type { ClusterSettings } from "../settings";
import { MembersRemoval } from "./members-removal";
import { rememberedMember } from "./removal";
import { SharedScripts } from "./shared-scripts";

/**
 * Stops and unregisters a member that has left the program. The host of such a member may be dead: if it does not
 * answer, Terraform gives up after the connection's timeout (ADR 9).
 */
export class Decommission extends MembersRemoval {
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
    const { members } = cluster;
    const remembered = members.map((member) => [member.name, rememberedMember(path, cluster, member)] as const);
    const scripts = SharedScripts.of(scope).removalScripts;
    super(scope, id, Object.fromEntries(remembered), { phase: "decommission", onFailure: "continue", scripts }, after);
  }
}
