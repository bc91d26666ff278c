import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { MembersRemoval } from "./members-removal";

export interface MembershipProps {
  /** etcd's `--initial-cluster` of the program's members. */
  readonly initialCluster: string;
  /** What stops, or takes out, a member that has left the program. */
  readonly removal: MembersRemoval;
  /** Whether a member that has left the program is stopped last, after `health`. */
  readonly stopsLast: boolean;
}

/**
 * Records the members that the program names. It does nothing by itself: because it has `create_before_destroy` and
 * depends on `decommission`, Terraform stops a removed member last, after everything that depends on this resource.
 * `health` can therefore remove the member from the cluster first.
 *
 * That lifecycle spreads to everything that this resource depends on, so it must not depend on a `local_file` (ADR 3).
 * If the machines are resources of the same stack, it would spread to them: there, a member is taken out first instead
 * (ADR 17).
 */
export class Membership extends Resource {
  public constructor(scope: Construct, id: string, { initialCluster, removal, stopsLast }: MembershipProps) {
    super(scope, id, {
      triggers: { members: initialCluster },
      ...(stopsLast && { lifecycle: { createBeforeDestroy: true } }),
      dependsOn: [removal],
    });
  }
}
