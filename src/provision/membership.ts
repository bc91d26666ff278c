import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Decommission } from "./decommission";

export interface MembershipProps {
  /** etcd's `--initial-cluster` of the program's members. */
  readonly initialCluster: string;
  readonly decommission: Decommission;
}

/**
 * Records the members that the program names. It does nothing by itself: because it has `create_before_destroy` and
 * depends on `decommission`, Terraform stops a removed member last, after everything that depends on this resource.
 * `health` can therefore remove the member from the cluster first.
 *
 * That lifecycle spreads to everything that this resource depends on, so it must not depend on a `local_file` (ADR 3).
 */
export class Membership extends Resource {
  public constructor(scope: Construct, id: string, { initialCluster, decommission }: MembershipProps) {
    super(scope, id, {
      triggers: { members: initialCluster },
      lifecycle: { createBeforeDestroy: true },
      dependsOn: [decommission],
    });
  }
}
