import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Membership } from "./membership";
import type { Stage } from "./stage";
import type { StagedData } from "./staged-data";

export interface OfferProps {
  /** The host that has the snapshot. */
  readonly host: MemberHost;
  readonly staged: StagedData;
  readonly membership: Membership;
  readonly genesis: Genesis;
  /** What is restored, in one line: another one is another restore. */
  readonly identity: string;
  /** The stages of all members. */
  readonly stages: readonly Stage[];
}

/** Verifies the snapshot that is on one of the hosts, and offers it to the other hosts for the time of the restore. */
export class Offer extends Resource {
  public constructor(scope: Construct, id: string, props: OfferProps) {
    const { host, staged, membership, genesis, identity, stages } = props;
    super(scope, id, {
      triggers: { restore: identity },
      lifecycle: { replaceTriggeredBy: [genesis.address] },
      provisioners: [host.run("offer", { ...staged, ...genesis.founding(membership) })],
      dependsOn: [...stages],
    });
  }
}
