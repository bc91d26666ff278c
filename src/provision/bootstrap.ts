import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { StagedData } from "./host-scripts";
import type { MemberHost } from "./member-host";
import type { RestorePhase } from "./restore-phase";
import type { Stage } from "./stage";

export interface BootstrapProps {
  readonly host: MemberHost;
  readonly staged: StagedData;
  readonly genesis: Genesis;
  /**
   * The stages of all members: founders need each other, so none may start while another one cannot. In a restore, the
   * data of all members must be ready, too.
   */
  readonly after: readonly (Stage | RestorePhase)[];
}

/**
 * Starts a founder that has no data as a member of the new cluster, or one whose data are restored. It has no triggers:
 * it runs once in a member's life, because a founder that loses its disk later must not vote a second time under its old
 * identity. It runs again only if genesis is replaced.
 */
export class Bootstrap extends Resource {
  public constructor(scope: Construct, id: string, { host, staged, genesis, after }: BootstrapProps) {
    super(scope, id, {
      lifecycle: { replaceTriggeredBy: [genesis.address] },
      provisioners: [host.run("bootstrap", { ...genesis.founding, ...staged })],
      dependsOn: [...after],
    });
  }
}
