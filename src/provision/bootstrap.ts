import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";

/**
 * Starts a founder that has no data as a member of the new cluster. No triggers: it runs once in a member's life,
 * because a founder whose disk was lost later must not vote a second time under its old identity.
 *
 * @param stages Those of all members: founders need each other, and none starts while another cannot.
 */
export function bootstrap(scope: Construct, host: MemberHost, genesis: Genesis, stages: Resource[]): Resource {
  return new Resource(scope, "bootstrap", {
    provisioners: [host.run("bootstrap", 120, { FOUNDERS: genesis.founders, CLUSTER_TOKEN: genesis.token })],
    dependsOn: stages,
  });
}
