import { type ITerraformDependable, type RemoteExecProvisioner, TerraformIterator, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";
import type { ClusterSettings } from "../settings";
import { hostScripts } from "./host-scripts";
import { programLines } from "./member-host";
import { connectionFromSelf, storedConnection } from "./ssh-connection";

/** What the scripts are told; the rest of the stored keys are the connection's. */
const FACTS = [
  "member",
  "host",
  "peer_url",
  "version",
  "install_root",
  "data_dir",
  "log_dir",
  "supervisor_ini",
  "removal_policy",
];

/**
 * Stops and unregisters a member that left the program: the only destroy-time provisioner.
 *
 * One resource with `for_each`: removing a key runs the provisioner, removing a block would not. `terraform_data`, not `null_resource`:
 * its `input` is updated in place, so that a new SSH port or removal policy is known at the end and replaces (= stops) nothing before.
 */
export class Decommission extends TerraformResource {
  /**
   * @param after The preflights of all members: a member that was refused must not be known here, or taking it out again would stop what stands
   *   in its place. And through them the CA: it outlives this, so a destroy that fails half way loses none. Not genesis: after such a destroy
   *   the hosts that were wiped must not found anything under the token that another one's data bear.
   */
  public constructor(scope: Construct, id: string, cluster: ClusterSettings, after: ITerraformDependable[]) {
    const members = TerraformIterator.fromMap(
      Object.fromEntries(
        cluster.members.map((member) => [
          member.name,
          {
            ...storedConnection(member.ssh),
            member: member.name,
            host: member.host,
            peer_url: member.peerUrl,
            version: cluster.version,
            install_root: cluster.installRoot,
            data_dir: cluster.dataDir,
            log_dir: cluster.logDir,
            supervisor_ini: cluster.supervisorIni,
            removal_policy: cluster.removalPolicy,
          },
        ]),
      ),
    );
    super(scope, id, {
      terraformResourceType: "terraform_data",
      forEach: members,
      provisioners: [stopMember()],
      dependsOn: after,
    });
    this.addOverride("input", members.value);
  }
}

function stopMember(): RemoteExecProvisioner {
  const facts = FACTS.map((key) => `${key.toUpperCase()}='\${self.input.${key}}'`).join("\n");
  const provisioner = {
    type: "remote-exec" as const,
    when: "destroy", // not in the binding's type, and passed through
    connection: connectionFromSelf(),
    // Only `self` and literals may be used here: so the scripts are in the text, not behind a reference.
    inline: programLines(facts, {}, escapeTerraform(hostScripts()), "decommission", 120),
  };
  return provisioner;
}
