import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, type ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";
import type { Genesis } from "./genesis";
import type { MemberHost } from "./member-host";
import type { Payload } from "./payload";
import { checkedData } from "./preflight";

export interface StageProps {
  readonly host: MemberHost;
  readonly payload: Payload;
  readonly genesis: Genesis;
  /** The member's id in this Terraform state. */
  readonly owner: string;
  /**
   * The membership, and through it all preflights (nothing is changed on any host before every host has been checked);
   * and the pushed archive, if there is one.
   */
  readonly after: ITerraformDependable[];
}

/**
 * Installs the user, the binaries, the certificates, the startup script and the supervisor program beside what is
 * running.
 */
export class Stage extends Resource {
  public constructor(scope: Construct, id: string, { host, payload, genesis, owner, after }: StageProps) {
    const { backup, defragmentation } = payload.sidePrograms;
    super(scope, id, {
      triggers: { ...payload.triggers, owner },
      provisioners: [
        host.run("open_inbox", {}),
        // The key travels in a `file` provisioner, to a directory that only the SSH user can enter. It must never be
        // part of a script's text, which stays on the host when a run is interrupted. `install_certificates` and
        // `place_certificates` in `scripts/lib/certificates.sh` install it from there, with mode 0600, for etcd's user
        // (ADR 5).
        host.upload("etcd-peer-key.pem", { content: payload.privateKeyPem }),
        ...(payload.secretArchiveUrl === undefined
          ? []
          : [host.upload("archive-url", { content: Fn.sensitive(escapeTerraform(payload.secretArchiveUrl)) })]),
        host.run("stage", {
          ...checkedData(host, payload),
          // The host uses this id to distinguish the stage of another first deploy from this one's. Preflight does not
          // get it, because decommission depends on preflight and must not depend on genesis (see `decommission.ts`).
          GENESIS: genesis.token,
          OWNER: owner,
          FOUNDERS: genesis.founders,
          STARTUP_BASE64: Fn.base64encode(payload.startupScript.text),
          PROGRAM_INI_BASE64: Fn.base64encode(payload.supervisorIni.text),
          ETCDCTL_ENV_BASE64: Fn.base64encode(payload.etcdctlEnv.text),
          BACKUP_BASE64: backup?.programBase64 ?? "",
          BACKUP_INI_BASE64: backup?.iniBase64 ?? "",
          DEFRAGMENTATION_BASE64: defragmentation?.programBase64 ?? "",
          DEFRAGMENTATION_INI_BASE64: defragmentation?.iniBase64 ?? "",
        }),
      ],
      dependsOn: after,
    });
  }
}
