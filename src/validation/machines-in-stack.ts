import {
  Annotations,
  Aspects,
  DefaultTokenResolver,
  StringConcat,
  TerraformModule,
  TerraformResource,
  TerraformStack,
  Tokenization,
} from "cdktf";
import type { Construct, IConstruct } from "constructs";
import { resourceAddress } from "../provision/resource-address";
import type { EtcdClusterProps } from "../settings";

/**
 * Warns if the program does not say whether the members' machines are resources of the stack, and some are: their
 * lifecycle would change, which their own code does not show.
 */
export function warnOfMachinesInStack(cluster: Construct, { members, machinesInStack }: EtcdClusterProps): void {
  if (machinesInStack !== undefined) return;
  const warn = () => {
    for (const [i, { address, listenAddress, ssh, machine }] of members.entries()) {
      for (const [prop, value] of Object.entries({ address, listenAddress, "ssh.host": ssh?.host, machine })) {
        const resource = value === undefined ? undefined : resourceIn(cluster, value);
        if (resource === undefined) continue;
        Annotations.of(cluster).addWarning(
          `members[${i}].${prop} refers to ${resource} of this stack: Terraform will create its replacements before it destroys the old ones, and those of all that it refers to; set machinesInStack to true so that machines keep their own lifecycle, or to false if that is right; deploy that change alone, without a machine that is replaced (docs/provisioned-hosts.md)`,
        );
        return;
      }
    }
  };
  // Terraform's address of a resource is known only when the whole program is.
  Aspects.of(cluster).add({
    visit(node: IConstruct) {
      if (node === cluster) warn();
    },
  });
}

/** The address of the first resource or module of the cluster's stack that a value refers to. */
function resourceIn(cluster: Construct, value: string): string | undefined {
  const resolver = new DefaultTokenResolver(new StringConcat());
  const text = JSON.stringify(Tokenization.resolve(value, { scope: cluster, resolver, preparing: false }));
  const named = new Set(text.match(/[a-z][a-z0-9_]*\.[A-Za-z_][\w-]*/g));
  return TerraformStack.of(cluster)
    .node.findAll()
    .map(addressOf)
    .find((address) => address !== undefined && named.has(address));
}

function addressOf(node: IConstruct): string | undefined {
  if (TerraformResource.isTerraformResource(node)) return resourceAddress(node);
  return node instanceof TerraformModule ? `module.${node.friendlyUniqueId}` : undefined;
}
