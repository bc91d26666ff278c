import { Resource } from "@cdktf/provider-null/lib/resource";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import { type Payload, pickTriggers } from "./payload";
import { checkedData } from "./preflight";

export interface ArchiveProps {
  readonly host: MemberHost;
  readonly payload: Payload;
  readonly genesis: Genesis;
  /** The member's id in this Terraform state. */
  readonly owner: string;
  /** The release archive on the operator's machine. */
  readonly path: string;
  readonly after: ITerraformDependable[];
}

/**
 * Pushes a local release archive over SSH and unpacks it. It does not run at every change, but whenever the host may
 * lack that version: stage cannot download a local archive.
 */
export class Archive extends Resource {
  public constructor(scope: Construct, id: string, { host, payload, genesis, owner, path, after }: ArchiveProps) {
    super(scope, id, {
      triggers: pickTriggers(payload, [
        "layout",
        "version",
        "archive_sha256",
        "install_root",
        "address",
        "reprovision",
        ...["listen_address", "machine", "restore"].filter((name) => payload.triggers[name] !== undefined),
      ]),
      provisioners: [
        host.run("open_inbox", {}),
        host.upload("archive.tar.gz", { source: path }),
        host.run("archive", { ...checkedData(host, payload), GENESIS: genesis.token, OWNER: owner }),
      ],
      dependsOn: after,
    });
  }
}
