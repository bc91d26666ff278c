import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Membership } from "./membership";
import type { Restore } from "./restore";

export interface ReadyProps {
  readonly host: MemberHost;
  readonly membership: Membership;
  readonly genesis: Genesis;
  /** What is restored, in one line: another one is another restore. */
  readonly identity: string;
  /** The restores of all members. */
  readonly restores: readonly Restore[];
}

/**
 * Makes sure that the restored data are there, before anything is stopped on any host. Terraform may have recorded a
 * `Restore` as done that was killed (ADR 8).
 */
export class Ready extends Resource {
  public constructor(scope: Construct, id: string, { host, membership, genesis, identity, restores }: ReadyProps) {
    super(scope, id, {
      triggers: { restore: identity },
      lifecycle: { replaceTriggeredBy: [genesis.address] },
      provisioners: [host.run("ready", genesis.founding(membership))],
      dependsOn: [...restores],
    });
  }
}
