import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import { escapeValues } from "../render/terraform-escape";
import type { ClusterSettings, MemberSettings } from "../settings";
import { endpoints } from "../topology/endpoints";
import { initialCluster } from "../topology/initial-cluster";
import { MembersRemoval } from "./members-removal";
import { type RememberedMember, rememberedMember } from "./removal";
import { SharedScripts } from "./shared-scripts";

/** What is stored beside the member on whose host a dismissal runs. */
const FACTS = ["initial_cluster", "peer_port", "leaver", "leaver_url"];

/**
 * Takes a member out of the cluster before Terraform destroys its machine, which is a resource of the same stack: when
 * the member has left the program, and when its machine is replaced (ADR 17).
 *
 * It runs on the host of the next member, because the machine itself may be dead, and a refusal must keep the machine.
 * Nothing is cleaned up on the machine: it goes.
 */
export class Dismissal extends MembersRemoval {
  /**
   * @param path Path of the cluster's construct.
   * @param after The preflights of all members. Through them, this resource depends on all machines, so Terraform
   *   destroys none before all dismissals have succeeded.
   */
  public constructor(
    scope: Construct,
    id: string,
    path: string,
    cluster: ClusterSettings,
    after: ITerraformDependable[],
  ) {
    const { members } = cluster;
    const remembered = members.map((member, i) => [member.name, rememberedFor(path, cluster, member, i)] as const);
    const scripts = SharedScripts.of(scope).dismissalScripts;
    super(
      scope,
      id,
      Object.fromEntries(remembered),
      { phase: "dismiss", onFailure: "fail", scripts, facts: FACTS },
      after,
    );
    this.addOverride("triggers_replace", "${each.value.machine}");
  }
}

function rememberedFor(
  path: string,
  cluster: ClusterSettings,
  member: MemberSettings,
  index: number,
): RememberedMember {
  const { members, peerPort } = cluster;
  const next = members[(index + 1) % members.length];
  return {
    ...rememberedMember(path, cluster, next),
    ...escapeValues({
      // Those of the members that stay: the one that goes is not asked.
      endpoints: endpoints(members.filter(({ name }) => name !== member.name)),
      initial_cluster: initialCluster(members),
      peer_port: String(peerPort),
      leaver: member.name,
      leaver_url: member.peerUrl,
      machine: member.machine ?? "",
    }),
  };
}
