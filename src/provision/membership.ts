import { Resource } from "@cdktf/provider-null/lib/resource";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";

/**
 * The members that the program names. It does nothing itself; it makes Terraform stop a removed member last, after everything that depends on
 * this: `create_before_destroy`, and after `decommission`. So `health` can take the member out of the cluster first.
 *
 * That lifecycle spreads to all that this depends on: so nothing here may depend on a `local_file`.
 */
export function membership(scope: Construct, initialCluster: string, decommission: ITerraformDependable): Resource {
  return new Resource(scope, "membership", {
    triggers: { members: initialCluster },
    lifecycle: { createBeforeDestroy: true },
    dependsOn: [decommission],
  });
}
