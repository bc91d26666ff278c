import { Resource } from "@cdktf/provider-null/lib/resource";
import type { FileProvisioner, ITerraformDependable, RemoteExecProvisioner } from "cdktf";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";

export interface RestorePhaseProps {
  readonly genesis: Genesis;
  /** What is restored, in one line: another one is another restore. */
  readonly identity: string;
  /** What happens to this member, in words for the reader of the plan. */
  readonly effect?: string;
  readonly provisioners: (FileProvisioner | RemoteExecProvisioner)[];
  readonly after: readonly ITerraformDependable[];
}

/**
 * A phase of a restore on one host: `offer`, `restore`, `ready` or `admit` (`host-scripts.ts`). It runs once for each
 * restore, and again when genesis is replaced: the data are those of one member of one cluster, whose ID is derived from
 * genesis' token.
 */
export class RestorePhase extends Resource {
  public constructor(scope: Construct, id: string, props: RestorePhaseProps) {
    const { genesis, identity, effect, provisioners, after } = props;
    super(scope, id, {
      triggers: { restore: identity, ...(effect !== undefined && { effect }) },
      lifecycle: { replaceTriggeredBy: [genesis.address] },
      provisioners,
      dependsOn: [...after],
    });
  }
}
