import { Resource } from "@cdktf/provider-null/lib/resource";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";
import { type Payload, pickTriggers } from "./payload";
import { preflightData } from "./preflight";

/** Pushes a local release archive over SSH and unpacks it: once a version, not at every change. */
export function archive(
  scope: Construct,
  host: MemberHost,
  payload: Payload,
  path: string,
  after: ITerraformDependable[],
): Resource {
  return new Resource(scope, "archive", {
    triggers: pickTriggers(payload, ["version", "archive_sha256", "install_root"]),
    provisioners: [
      host.run("open_inbox", 30),
      host.upload("archive.tar.gz", { source: path }),
      host.run("archive", 300, preflightData(payload)),
    ],
    dependsOn: after,
  });
}
