import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, type ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Payload } from "./payload";
import { escapeTerraform } from "../render/terraform-escape";
import { preflightData } from "./preflight";

/**
 * Puts user, binaries, certificates, startup script and supervisor program in place beside what runs.
 *
 * @param owner The member's id in this state.
 * @param after The membership, and through it all preflights (nothing changes anywhere before every host was looked at); the pushed archive.
 */
export function stage(
  scope: Construct,
  host: MemberHost,
  payload: Payload,
  genesis: Genesis,
  owner: string,
  after: ITerraformDependable[],
): Resource {
  return new Resource(scope, "stage", {
    triggers: { ...payload.triggers, owner },
    provisioners: [
      host.run("open_inbox"),
      // By `file`, into a directory that only the SSH user can enter: never by a script's text, which stays on the host when a run is cut short.
      host.upload("etcd-peer-key.pem", { content: payload.privateKeyPem }),
      ...(payload.secretArchiveUrl === undefined
        ? []
        : [host.upload("archive-url", { content: Fn.sensitive(escapeTerraform(payload.secretArchiveUrl)) })]),
      host.run("stage", {
        ...preflightData(payload),
        // By its id the host knows another first deploy's stage from this one's. Not in preflight, on which the decommission depends (see there).
        GENESIS: genesis.token,
        OWNER: owner,
        FOUNDERS: genesis.founders,
        STARTUP_BASE64: Fn.base64encode(payload.startupScript.content),
        PROGRAM_INI_BASE64: Fn.base64encode(payload.supervisorIni.content),
        ETCDCTL_ENV_BASE64: Fn.base64encode(payload.etcdctlEnv.content),
      }),
    ],
    dependsOn: after,
  });
}
