import { Resource } from "@cdktf/provider-null/lib/resource";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";

/**
 * Compares the cluster's members with the desired ones, wherever an etcd runs.
 *
 * `create_before_destroy`, and after `decommission`, so that on a scale-in the membership changes first and the removed hosts are
 * stopped last. That lifecycle spreads to all that this depends on: so nothing here may depend on a `local_file`.
 *
 * @param decommission That of all members; it comes after all preflights.
 */
export function membership(
  scope: Construct,
  host: MemberHost,
  initialCluster: string,
  decommission: ITerraformDependable,
): Resource {
  return new Resource(scope, "membership", {
    triggers: { members: initialCluster },
    provisioners: [host.run("membership", 120)],
    lifecycle: { createBeforeDestroy: true },
    dependsOn: [decommission],
  });
}
