import {
  type ITerraformDependable,
  type RemoteExecProvisioner,
  TerraformIterator,
  type TerraformMetaArguments,
  TerraformResource,
} from "cdktf";
import type { Construct } from "constructs";
import type { ClusterSettings, MemberSettings } from "../settings";
import type { Phase } from "./host-scripts";
import { programLines } from "./member-host";
import { SharedScripts } from "./shared-scripts";
import { connectionFromSelf, storedConnection } from "./ssh-connection";

/** What the scripts are told; the rest of the stored keys are the connection's. */
const FACTS = [
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

/**
 * Stops and unregisters a member that left the program.
 *
 * One resource with `for_each`: removing a key runs its destroy-time provisioner, removing a block would not. A host that does not answer
 * is given up after the connection's timeout: what leaves the program may be dead (ADR 9).
 */
export class Decommission extends TerraformResource {
  /**
   * @param after The preflights of all members: a member that was refused must not be known here, or taking it out again would stop what stands
   *   in its place. And through them the CA: it outlives this, so a destroy that fails half way loses none. Not genesis: after such a destroy
   *   the hosts that were wiped must not found anything under the token that another one's data bear.
   */
  public constructor(scope: Construct, id: string, cluster: ClusterSettings, after: ITerraformDependable[]) {
    const members = TerraformIterator.fromMap(
      Object.fromEntries(cluster.members.map((member) => [member.name, stored(cluster, member)])),
    );
    super(scope, id, {
      ...storing(scope, "decommission", "continue"),
      forEach: members,
      dependsOn: after,
    });
    this.addOverride("input", members.value);
  }
}

/**
 * Stops and unregisters a member when everything is destroyed: a block a member, because the provisioner of a block that left the program
 * does not run. A host that does not answer fails the destroy, so that nothing is forgotten; it can be run again.
 */
export class Shutdown extends TerraformResource {
  /** @param decommission It comes after this at a destroy, and then has nothing left to do. */
  public constructor(scope: Construct, cluster: ClusterSettings, member: MemberSettings, decommission: Decommission) {
    super(scope, "shutdown", { ...storing(scope, "shutdown", "fail"), dependsOn: [decommission] });
    this.addOverride("input", stored(cluster, member));
  }
}

/** What a destroy-time provisioner must find in its own resource. */
function stored(cluster: ClusterSettings, member: MemberSettings): { [key: string]: string } {
  return {
    ...storedConnection(member.ssh),
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
  };
}

/**
 * `terraform_data`, not `null_resource`: its `input` is updated in place, so that a new SSH port or removal policy is known at the end and
 * replaces (= stops) nothing before.
 */
function storing(
  scope: Construct,
  phase: Phase,
  onFailure: "continue" | "fail",
): TerraformMetaArguments & { terraformResourceType: string } {
  const facts = FACTS.map((key) => `${key.toUpperCase()}='\${self.input.${key}}'`).join("\n");
  const provisioner = {
    type: "remote-exec" as const,
    // These two are not in the binding's type, and passed through.
    when: "destroy",
    on_failure: onFailure,
    connection: connectionFromSelf(),
    inline: programLines(facts, {}, SharedScripts.of(scope).removalScripts, phase, 120),
  };
  return { terraformResourceType: "terraform_data", provisioners: [provisioner as RemoteExecProvisioner] };
}
