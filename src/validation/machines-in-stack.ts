import {
  DefaultTokenResolver,
  StringConcat,
  TerraformModule,
  TerraformResource,
  TerraformStack,
  Tokenization,
} from "cdktf";
import type { Construct, IConstruct } from "constructs";
import { resourceAddress } from "../provision/resource-address";
import type { EtcdClusterProps, SshOptions } from "../settings";

/**
 * What gets `create_before_destroy` in this stack because a cluster without `machinesInStack` refers to it: that
 * lifecycle spreads, and the code of a resource does not show it. To be called when the whole program is there, because
 * Terraform's address of a resource is known only then.
 */
export function lifecycleWarnings(cluster: Construct, props: EtcdClusterProps): string[] {
  if (props.machinesInStack === true) return [];
  return [machineWarning(cluster, props), fileWarning(cluster, props)].filter((warning) => warning !== undefined);
}

/** The machines, if the program does not say whether they are resources of the stack. */
function machineWarning(cluster: Construct, { members, machinesInStack }: EtcdClusterProps): string | undefined {
  if (machinesInStack !== undefined) return undefined;
  const values = members.flatMap(({ address, listenAddress, ssh, machine }, i) =>
    named(`members[${i}].`, { address, listenAddress, "ssh.host": ssh?.host, machine }),
  );
  const [prop, resource] = firstInStack(cluster, values, () => true) ?? [];
  if (resource === undefined) return undefined;
  return `${prop} refers to ${resource} of this stack: Terraform will create its replacements before it destroys the old ones, and those of all that it refers to; set machinesInStack to true so that machines keep their own lifecycle, or to false if that is right; deploy that change alone, without a machine that is replaced (docs/provisioned-hosts.md)`;
}

/** A file, because the old and the new one have the same path (ADR 3). */
function fileWarning(cluster: Construct, { ssh, members, dependsOn = [] }: EtcdClusterProps): string | undefined {
  const keys = (path: string, { key, bastionKey }: SshOptions = {}) =>
    named(path, { "ssh.key": key?._file, "ssh.bastionKey": bastionKey?._file });
  const values = [
    ...keys("", ssh),
    ...members.flatMap((member, i) => keys(`members[${i}].`, member.ssh)),
    ...named("", Object.fromEntries(dependsOn.map(({ fqn }, i) => [`dependsOn[${i}]`, fqn]))),
  ];
  const [prop, file] = firstInStack(cluster, values, (address) => /^local_(sensitive_)?file\./.test(address)) ?? [];
  if (file === undefined) return undefined;
  return `${prop} refers to ${file} of this stack: if Terraform replaces it, it deletes the new file together with the old one, which has the same path, and a destroy no longer finds it; make the file in another stack, or set machinesInStack to true if the machines are in this one (docs/provisioned-hosts.md)`;
}

type NamedValue = readonly [prop: string, value: string];

function named(path: string, values: { readonly [prop: string]: string | undefined }): NamedValue[] {
  return Object.entries(values).flatMap(([prop, value]) =>
    value === undefined ? [] : [[`${path}${prop}`, value] as const],
  );
}

/** The first value that refers to such a resource or module of the cluster's stack, and the address of that. */
function firstInStack(
  cluster: Construct,
  values: readonly NamedValue[],
  wanted: (address: string) => boolean,
): NamedValue | undefined {
  for (const [prop, value] of values) {
    const address = resourceIn(cluster, value);
    if (address !== undefined && wanted(address)) return [prop, address];
  }
  return undefined;
}

/** The address of the first resource or module of the cluster's stack that a value refers to. */
function resourceIn(cluster: Construct, value: string): string | undefined {
  if (!value.includes("${")) return undefined;
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
