import { type ITerraformDependable, Lazy, TerraformResource, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { type ClusterSettings, MAX_MEMBERS } from "../settings";
import type { Decommission } from "./decommission";
import type { Dismissal } from "./dismissal";
import type { Health } from "./health";
import type { MembersRemoval } from "./members-removal";
import { type RememberedMember, rememberedMember, removal } from "./removal";
import { resourceAddress } from "./resource-address";
import { SharedScripts } from "./shared-scripts";

const ID = "etcd-shutdown";

/** A cluster, as the shutdown of its stack knows it. */
export interface ShutdownCluster {
  /** Path of the cluster's construct. */
  readonly path: string;
  readonly settings: ClusterSettings;
  /**
   * It runs after the shutdown when the cluster is destroyed. With `RETAIN`, it then deletes the member's keys and
   * certificates.
   */
  readonly decommission: Decommission;
  /** The last step of a deploy of the cluster. */
  readonly health: Health;
}

/**
 * Stops and unregisters the members of a cluster that is destroyed, or that is no longer in the program. If a host does
 * not answer, the shutdown fails, so that Terraform forgets nothing, and it can be run again (ADR 9).
 *
 * There is one such resource per stack, with keys for each of its clusters: Terraform runs the destroy-time provisioner
 * of a key that was removed, but not that of a block that was removed (ADR 13). A cluster always has as many keys as it
 * may have members, and key `i` holds member `i mod n`. Keys are therefore added and removed only with the whole
 * cluster; a member that leaves the cluster, whose host may be dead, is stopped by `decommission`. If a member has
 * several keys, the later ones find it already stopped.
 */
export class Shutdown extends Construct {
  /** The shutdown of the stack, which is created on first use. */
  public static of(scope: Construct): Shutdown {
    const stack = TerraformStack.of(scope);
    return (stack.node.tryFindChild(ID) as Shutdown | undefined) ?? new Shutdown(stack);
  }

  private readonly clusters: ShutdownCluster[] = [];
  private readonly members: TerraformResource;

  private constructor(stack: TerraformStack) {
    super(stack, ID);
    this.members = new TerraformResource(this, "members", {
      ...shutdownOf(this),
      // With this, a key is destroyed only after everything that depends on the resource has been created, and
      // replacing a key runs no provisioner.
      lifecycle: { createBeforeDestroy: true },
    });
    this.members.addOverride("for_each", Lazy.anyValue({ produce: () => this.keys() }));
    this.members.addOverride("input", "${each.value}");
    this.members.addOverride(
      "depends_on",
      this.listOf(({ decommission }) => resourceAddress(decommission)),
    );

    // A cluster that has left the program is stopped after this resource has been written, and therefore after the
    // clusters that stay are healthy. A renamed cluster is one of those, under its new name. So is one whose shutdown is
    // its own from now on: its hosts know by then that its members belong to that.
    const seal = new TerraformResource(this, "seal", { terraformResourceType: "terraform_data" });
    seal.addOverride(
      "input",
      this.listOf(({ path }) => path),
    );
    seal.addOverride(
      "depends_on",
      Lazy.anyValue({
        produce: () =>
          [this.members, ...[...this.clusters, ...this.others()].map(({ health }) => health)].map(resourceAddress),
      }),
    );
  }

  /** The clusters of the stack that have a shutdown of their own. */
  private others(): ClusterShutdown[] {
    return TerraformStack.of(this)
      .node.findAll()
      .filter((node) => node instanceof ClusterShutdown);
  }

  public add(cluster: ShutdownCluster): void {
    this.clusters.push(cluster);
  }

  /**
   * What the stages of a cluster must wait for in addition to its membership: this shutdown, so that no key completes
   * while they run (ADR 8). In a stack with several clusters, each cluster would then wait for the preflights of all
   * clusters. There, the stages wait only for the decommission, for which the membership waits anyway.
   */
  public requiredByStages(decommission: TerraformResource): ITerraformDependable {
    const alone = () => this.clusters.length === 1;
    const { members } = this;
    return {
      get fqn() {
        return (alone() ? members : decommission).fqn;
      },
    };
  }

  private keys(): { [key: string]: RememberedMember } {
    const prefix = TerraformStack.of(this).node.path.length + 1;
    return Object.fromEntries(
      this.clusters.flatMap(({ path, settings, decommission }) =>
        slots(path, settings, decommission).map((slot, i) => [`${path.slice(prefix)}/${i}`, slot]),
      ),
    );
  }

  private listOf(one: (cluster: ShutdownCluster) => string): unknown {
    return Lazy.anyValue({ produce: () => this.clusters.map(one) });
  }
}

/**
 * The shutdown of a cluster whose machines are resources of the same stack: without `create_before_destroy`, which would
 * spread to them, and therefore with the cluster (ADR 17). It runs when everything is destroyed, before the dismissals.
 */
export class ClusterShutdown extends TerraformResource {
  private lastStep?: Health;

  public constructor(scope: Construct, id: string, path: string, settings: ClusterSettings, dismissal: Dismissal) {
    super(scope, id, { ...shutdownOf(scope), dependsOn: [dismissal] });
    this.addOverride("for_each", Object.fromEntries(slots(path, settings, dismissal).entries()));
    this.addOverride("input", "${each.value}");
  }

  /** The last step of a deploy of the cluster. */
  public get health(): Health {
    if (this.lastStep === undefined) throw new Error(`${this.node.path}: has no health`);
    return this.lastStep;
  }

  public completeWith(health: Health): void {
    this.lastStep = health;
  }
}

function shutdownOf(scope: Construct) {
  const scripts = SharedScripts.of(scope).removalScripts;
  return removal({ phase: "shutdown", onFailure: "fail", scripts, owner: 'try(self.input.owner, "")' });
}

/** What is stored about the members of a cluster, as often as it may have members. */
function slots(path: string, settings: ClusterSettings, owners: MembersRemoval): RememberedMember[] {
  return Array.from({ length: MAX_MEMBERS }, (_, i) => {
    const member = settings.members[i % settings.members.length];
    return { ...rememberedMember(path, settings, member), owner: owners.owner(member) };
  });
}
