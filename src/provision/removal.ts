import type { RemoteExecProvisioner, TerraformMetaArguments } from "cdktf";
import { escapeValues } from "../render/terraform-escape";
import type { ClusterSettings, MemberSettings } from "../settings";
import type { Phase } from "./host-scripts";
import { programLines } from "./member-host";
import { connectionFromSelf, storedConnection } from "./ssh-connection";

/** The stored values that the scripts get as facts. The others are used for the SSH connection. */
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

/** What is stored for a destroy-time provisioner, which can refer only to its own resource. */
export interface RememberedMember {
  readonly [key: string]: string;
}

/**
 * @param path Path of the cluster's construct. If the host's records say that the member belongs to another cluster by
 *   then, the removal leaves it alone.
 */
export function rememberedMember(path: string, cluster: ClusterSettings, member: MemberSettings): RememberedMember {
  return escapeValues({
    ...storedConnection(member.ssh),
    cluster: path,
    member: member.name,
    host: member.host,
    peer_url: member.peerUrl,
    client_url: member.clientUrl,
    // Only the member's own endpoint, because the other members may be gone by then.
    endpoints: member.clientUrl,
    version: cluster.version,
    install_root: cluster.installRoot,
    data_dir: cluster.dataDir,
    log_dir: cluster.logDir,
    supervisor_ini: cluster.supervisorIni,
    removal_policy: cluster.removalPolicy,
  });
}

export interface RemovalOptions {
  readonly phase: Phase;
  readonly onFailure: "continue" | "fail";
  /** An expression for the text of the scripts that the phase needs. */
  readonly scripts: string;
  /**
   * Expression for the member's id in this Terraform state. The host compares it with its own record, to know whether
   * another state has staged the member since.
   */
  readonly owner: string;
  /** Further stored values that the scripts get as facts. */
  readonly facts?: readonly string[];
}

/**
 * The configuration of a resource that removes a member when it is destroyed. It is a `terraform_data`,
 * not a `null_resource`, because its `input` is updated in place: the provisioner then knows a new SSH port or removal
 * policy, and the change itself does not replace the resource, which would stop the member.
 */
export function removal({
  phase,
  onFailure,
  scripts,
  owner,
  facts = [],
}: RemovalOptions): TerraformMetaArguments & { terraformResourceType: string } {
  const lines = [...FACTS, ...facts].map((key) => `${key.toUpperCase()}='\${self.input.${key}}'`);
  const provisioner = {
    type: "remote-exec" as const,
    // These two properties are not in the binding's type, but are passed through.
    when: "destroy",
    on_failure: onFailure,
    connection: connectionFromSelf(),
    inline: programLines([...lines, `OWNER='\${${owner}}'`].join("\n"), {}, scripts, phase),
  };
  return { terraformResourceType: "terraform_data", provisioners: [provisioner as RemoteExecProvisioner] };
}
