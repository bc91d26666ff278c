import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Bootstrap } from "./bootstrap";
import type { Genesis } from "./genesis";
import type { StagedData } from "./host-scripts";
import type { MemberHost } from "./member-host";
import type { RestorePhase } from "./restore-phase";

export interface RolloutProps {
  readonly host: MemberHost;
  /** One key for each thing that can force a restart, so that the plan shows which members restart and why. */
  readonly triggers: { readonly [name: string]: string };
  /**
   * What the phase must find staged on the host. A new leaf certificate is part of it, but is not a trigger where etcd
   * loads it without a restart.
   */
  readonly staged: StagedData;
  readonly genesis: Genesis;
  /**
   * All bootstraps (in a restore, what lets the clients in), or the rollout of the previous member: one member at a
   * time, and a rollout that fails stops the later ones.
   */
  readonly after: readonly (Bootstrap | RestorePhase | Rollout)[];
}

/** Applies to the running member what is staged, and waits until the member is healthy. */
export class Rollout extends Resource {
  public constructor(scope: Construct, id: string, { host, triggers, staged, genesis, after }: RolloutProps) {
    super(scope, id, {
      triggers,
      provisioners: [host.run("rollout", { ...staged, ...genesis.listed })],
      dependsOn: [...after],
    });
  }
}
