import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { StagedData } from "./staged-data";

/**
 * Starts a founder that has no data as a member of the new cluster. It has no triggers: it runs once in a member's
 * life, because a founder that loses its disk later must not vote a second time under its old identity. It runs again
 * only if genesis is replaced.
 *
 * @param membership The resource that records the list of members.
 * @param stages The stages of all members: founders need each other, so none may start while another one cannot.
 */
export function bootstrap(
  scope: Construct,
  host: MemberHost,
  staged: StagedData,
  membership: Resource,
  genesis: Genesis,
  stages: Resource[],
): Resource {
  return new Resource(scope, "bootstrap", {
    lifecycle: { replaceTriggeredBy: [genesis.address] },
    provisioners: [
      host.run("bootstrap", {
        FOUNDERS: genesis.founders,
        CLUSTER_TOKEN: genesis.token,
        GENESIS: genesis.token,
        FOUNDING_MEMBERSHIP: genesis.membership,
        FOUNDING_REPROVISIONS: genesis.reprovisions,
        MEMBERSHIP: membership.id,
        ...staged,
      }),
    ],
    dependsOn: stages,
  });
}
