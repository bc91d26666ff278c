import { Resource } from "@cdktf/provider-null/lib/resource";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";

/**
 * Records the members that the program names. It does nothing by itself: because it has `create_before_destroy` and
 * depends on `decommission`, Terraform stops a removed member last, after everything that depends on this resource.
 * `health` can therefore remove the member from the cluster first.
 *
 * That lifecycle spreads to everything that this resource depends on, so it must not depend on a `local_file` (ADR 3).
 */
export function membership(scope: Construct, initialCluster: string, decommission: ITerraformDependable): Resource {
  return new Resource(scope, "membership", {
    triggers: { members: initialCluster },
    lifecycle: { createBeforeDestroy: true },
    dependsOn: [decommission],
  });
}
