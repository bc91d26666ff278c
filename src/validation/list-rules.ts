import { TerraformStack, Token } from "cdktf";
import { Construct } from "constructs";
import type { EtcdClusterProps } from "../settings";
import { type Rule, shown } from "./problem";

/**
 * What decides which resources and flags there are, so no token. A text, or a token, counts as true in JavaScript,
 * whatever it says.
 */
export const switches: Rule = function* ({ props: { certificates, insecureLoopbackClientUrl, machinesInStack } }) {
  const all = {
    machinesInStack,
    insecureLoopbackClientUrl,
    "certificates.sharedPeerCertificate": certificates?.sharedPeerCertificate,
    "certificates.trustOwnAuthority": certificates?.trustOwnAuthority,
  };
  for (const [prop, value] of Object.entries(all)) {
    if (value === undefined || typeof value === "boolean") continue;
    yield Token.isUnresolved(value)
      ? `${prop}: must be known at synth; use true or false`
      : `${prop}: ${shown(value)} is not a boolean; use true or false, without quotes`;
  }
};

const hasAddress = (item: unknown) => typeof (item as { fqn?: unknown } | undefined)?.fqn === "string";

/** Terraform waits for what has an address in it: a construct that only groups others has none. */
export const dependables: Rule = function* ({ props: { dependsOn = [] } }) {
  for (const [i, item] of dependsOn.entries()) {
    if (hasAddress(item)) continue;
    const { node } = (item ?? {}) as unknown as { node?: { path: string } };
    yield `dependsOn[${i}]: ${node ? `"${node.path}"` : shown(item)} has no address in Terraform; use a resource, a data source, a module or an EtcdCluster`;
  }
};

/** Terraform deploys each stack by itself, and knows nothing of another one. */
export function* foreignDependables(cluster: Construct, { dependsOn = [] }: EtcdClusterProps): Iterable<string> {
  const stack = TerraformStack.of(cluster);
  for (const [i, item] of dependsOn.entries()) {
    // The other rule refuses what has no address.
    if (!hasAddress(item) || !Construct.isConstruct(item) || TerraformStack.of(item) === stack) continue;
    yield `dependsOn[${i}]: "${item.node.path}" is in another stack, which Terraform does not know when it deploys this one; leave it out, and call addDependency() of this cluster's stack with that stack`;
  }
}

/**
 * The framework makes no order from `node.addDependency()`. A program in which an aspect does so can ignore this
 * warning.
 */
export function* ignoredDependencies(cluster: Construct, { dependsOn = [] }: EtcdClusterProps): Iterable<string> {
  const named = new Set<unknown>(dependsOn);
  for (const dependency of cluster.node.dependencies) {
    if (named.has(dependency)) continue;
    yield `node.addDependency() does not make the deploy wait for "${dependency.node.path}"; name its resources in the prop dependsOn`;
  }
}
