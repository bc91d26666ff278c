import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Bootstrap } from "./bootstrap";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Membership } from "./membership";
import type { Rollout } from "./rollout";
import type { StagedData } from "./staged-data";

export interface AdmitProps {
  readonly host: MemberHost;
  readonly staged: StagedData;
  readonly membership: Membership;
  readonly genesis: Genesis;
  /** What is restored, in one line: another one is another restore. */
  readonly identity: string;
  /**
   * All bootstraps, because all members are compared; then the previous member, because each one restarts when its
   * clients are let in.
   */
  readonly after: readonly (Bootstrap | Admit | Rollout)[];
}

/** Lets clients in to a restored member, once all members have the same data. */
export class Admit extends Resource {
  public constructor(scope: Construct, id: string, props: AdmitProps) {
    const { host, staged, membership, genesis, identity, after } = props;
    super(scope, id, {
      triggers: { restore: identity },
      lifecycle: { replaceTriggeredBy: [genesis.address] },
      provisioners: [host.run("admit", { ...staged, ...genesis.founding(membership) })],
      dependsOn: [...after],
    });
  }
}
