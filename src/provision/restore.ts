import { Resource } from "@cdktf/provider-null/lib/resource";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Membership } from "./membership";
import type { StagedData } from "./staged-data";

export interface RestoreProps {
  readonly host: MemberHost;
  readonly staged: StagedData;
  readonly membership: Membership;
  readonly genesis: Genesis;
  /** What is restored, in one line: another one is another restore. */
  readonly identity: string;
  /** What happens to this member, in words for the reader of the plan. */
  readonly effect: string;
  /** The snapshot on the operator's machine, as Terraform finds it. Without it, a host has the snapshot. */
  readonly file?: string;
  /** The stages of all members; and the offer, if a host has the snapshot. */
  readonly after: readonly ITerraformDependable[];
}

/**
 * Brings the snapshot to the host, verifies it, and makes the member's data from it, beside those in use. Nothing is
 * stopped on any host before this has succeeded on all of them.
 */
export class Restore extends Resource {
  public constructor(scope: Construct, id: string, props: RestoreProps) {
    const { host, staged, membership, genesis, identity, effect, file, after } = props;
    super(scope, id, {
      triggers: { restore: identity, effect },
      // The data are those of one member of one cluster, whose ID is derived from genesis' token.
      lifecycle: { replaceTriggeredBy: [genesis.address] },
      provisioners: [
        ...(file === undefined ? [] : [host.run("open_inbox", {}), host.upload("snapshot.db", { source: file })]),
        host.run("restore", { ...staged, ...genesis.founding(membership), RESTORED_AT: genesis.restoredAt }),
      ],
      dependsOn: [...after],
    });
  }
}
