import { type ITerraformDependable, Lazy, TerraformResource, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { type ClusterSettings, MAX_MEMBERS } from "../settings";
import type { Decommission } from "./decommission";
import { type RememberedMember, rememberedMember, removal } from "./removal";
import { resourceAddress } from "./resource-address";

const ID = "etcd-shutdown";

/** A cluster, as the shutdown of its stack sees it. */
export interface ShutdownCluster {
  /** Path of its construct. */
  readonly path: string;
  readonly settings: ClusterSettings;
  /** Comes after the shutdown when the cluster is destroyed, and then has nothing left to do. */
  readonly decommission: Decommission;
  /** What a deploy of the cluster does last. */
  readonly health: TerraformResource;
}

/**
 * Stops and unregisters the members of a cluster that is destroyed, or that is no longer in the program. A host that does not answer
 * makes that fail, so that nothing is forgotten; it can be run again (ADR 13).
 *
 * There is one such resource in a stack, with keys for each of its clusters: removing a key runs its destroy-time provisioner, removing a block
 * would not. A cluster always has as many keys as it may have members, and key `i` holds member `i mod n`. So keys come and go with the
 * cluster alone: a member that leaves it, whose host may be dead, is stopped by `decommission`. The second key of a member finds it stopped.
 */
export class Shutdown extends Construct {
  /** The one of the stack, made when it is first asked for. */
  public static of(scope: Construct): Shutdown {
    const stack = TerraformStack.of(scope);
    return (stack.node.tryFindChild(ID) as Shutdown | undefined) ?? new Shutdown(stack);
  }

  private readonly clusters: ShutdownCluster[] = [];
  private readonly members: TerraformResource;

  private constructor(stack: TerraformStack) {
    super(stack, ID);
    this.members = new TerraformResource(this, "members", {
      ...removal(this, "shutdown", "fail", 'try(self.input.owner, "")'),
      // With this a key is destroyed only after everything that depends on the resource was created, and replacing a key runs nothing.
      lifecycle: { createBeforeDestroy: true },
    });
    this.members.addOverride("for_each", Lazy.anyValue({ produce: () => this.keys() }));
    this.members.addOverride("input", "${each.value}");
    this.members.addOverride(
      "depends_on",
      this.listOf(({ decommission }) => resourceAddress(decommission)),
    );

    // A cluster that left is stopped after this is written, and so after those that stay are healthy; the new self of a renamed one is among them.
    const seal = new TerraformResource(this, "seal", { terraformResourceType: "terraform_data" });
    seal.addOverride(
      "input",
      this.listOf(({ path }) => path),
    );
    seal.addOverride(
      "depends_on",
      this.listOf(({ health }) => resourceAddress(health), [resourceAddress(this.members)]),
    );
  }

  public add(cluster: ShutdownCluster): void {
    this.clusters.push(cluster);
  }

  /**
   * What the stages of a cluster wait for beside its membership, so that no key ends while they run (ADR 8). In a stack of several clusters
   * that would have each wait for the preflights of all, so there it is nothing but the decommission, for which the membership waits as well.
   */
  public before(decommission: TerraformResource): ITerraformDependable {
    const alone = () => this.clusters.length === 1;
    const { members } = this;
    return {
      get fqn() {
        return (alone() ? members : decommission).fqn;
      },
    };
  }

  private keys(): { [key: string]: RememberedMember } {
    return Object.fromEntries(
      this.clusters.flatMap(({ path, settings, decommission }) =>
        Array.from({ length: MAX_MEMBERS }, (_, i) => {
          const member = settings.members[i % settings.members.length];
          return [
            `${path.slice(TerraformStack.of(this).node.path.length + 1)}/${i}`,
            { ...rememberedMember(path, settings, member), owner: decommission.owner(member) },
          ];
        }),
      ),
    );
  }

  private listOf(one: (cluster: ShutdownCluster) => string, first: string[] = []): unknown {
    return Lazy.anyValue({ produce: () => [...first, ...this.clusters.map(one)] });
  }
}
