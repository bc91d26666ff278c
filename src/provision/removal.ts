import type { RemoteExecProvisioner, TerraformMetaArguments } from "cdktf";
import type { Construct } from "constructs";
import { escapeValues } from "../render/terraform-escape";
import type { ClusterSettings, MemberSettings } from "../settings";
import type { Phase } from "./host-scripts";
import { programLines } from "./member-host";
import { SharedScripts } from "./shared-scripts";
import { connectionFromSelf, storedConnection } from "./ssh-connection";

/** What the scripts are told; the rest of the remembered keys are the connection's. */
const FACTS = [
  "cluster",
  "member",
  "host",
  "peer_url",
  "client_url",
  "endpoints",
  "version",
  "install_root",
  "data_dir",
  "log_dir",
  "supervisor_ini",
  "removal_policy",
];

/** What a destroy-time provisioner must find in its own resource. */
export interface RememberedMember {
  readonly [key: string]: string;
}

/** @param path Of the cluster's construct: what another cluster has on the host by now is left alone. */
export function rememberedMember(path: string, cluster: ClusterSettings, member: MemberSettings): RememberedMember {
  return escapeValues({
    ...storedConnection(member.ssh),
    cluster: path,
    member: member.name,
    host: member.host,
    peer_url: member.peerUrl,
    client_url: member.clientUrl,
    endpoints: member.clientUrl,
    version: cluster.version,
    install_root: cluster.installRoot,
    data_dir: cluster.dataDir,
    log_dir: cluster.logDir,
    supervisor_ini: cluster.supervisorIni,
    removal_policy: cluster.removalPolicy,
  });
}

/**
 * A resource that removes a member from its host when it is destroyed: `terraform_data`, not `null_resource`, since its `input` is updated in place.
 * So a new SSH port or removal policy is known at the end, and replaces (= stops) nothing before.
 *
 * @param owner Expression of the member's id in this state, by which the host knows whether another state has staged the member since.
 */
export function removal(
  scope: Construct,
  phase: Phase,
  onFailure: "continue" | "fail",
  owner: string,
): TerraformMetaArguments & { terraformResourceType: string } {
  const facts = [...FACTS.map((key) => `${key.toUpperCase()}='\${self.input.${key}}'`), `OWNER='\${${owner}}'`].join(
    "\n",
  );
  const provisioner = {
    type: "remote-exec" as const,
    // These two are not in the binding's type, and passed through.
    when: "destroy",
    on_failure: onFailure,
    connection: connectionFromSelf(),
    inline: programLines(facts, {}, SharedScripts.of(scope).removalScripts, phase),
  };
  return { terraformResourceType: "terraform_data", provisioners: [provisioner as RemoteExecProvisioner] };
}
