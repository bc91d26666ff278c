import { homedir } from "node:os";
import { resolve } from "node:path";
import { Annotations, Aspects } from "cdktf";
import type { Construct, IConstruct } from "constructs";
import { type ClusterSettings, type EtcdClusterProps, resolveClusterProps } from "../settings";
import { foreignDependables, ignoredDependencies } from "./list-rules";
import { lifecycleWarnings } from "./machines-in-stack";
import { plainProps, typeProblems } from "./prop-types";
import { validateProps } from "./validate-props";
import { throwProblems } from "./certificate-fields";
import { canonicalAddress } from "./formats";
import { isKnown, type Subject } from "./problem";
import { type NamedCluster, sharedHostProblems } from "./shared-hosts";

/**
 * Checks the props of a cluster. Warnings become annotations of the construct.
 *
 * @param given The props as the program has them.
 * @returns The props as plain objects; and the settings, with every default filled in.
 * @throws Error that lists every problem with the props at once.
 */
export function checkProps(cluster: Construct, given: EtcdClusterProps): Subject {
  throwProblems("EtcdCluster", cluster.node.path, typeProblems(given));
  const props = plainProps(given);
  const settings = resolveClusterProps(props);
  const { errors, warnings } = validateProps(props, settings);
  throwProblems("EtcdCluster", cluster.node.path, [...errors, ...foreignDependables(cluster, props)]);
  for (const warning of warnings) Annotations.of(cluster).addWarning(warning);
  warnOfTheWhole(cluster, props);
  return { props, settings };
}

/**
 * Adds the warnings that need the whole program: Terraform's addresses of resources, and what is called on the cluster
 * after it was made.
 */
function warnOfTheWhole(cluster: Construct, props: EtcdClusterProps): void {
  Aspects.of(cluster).add({
    visit(node: IConstruct) {
      if (node !== cluster) return;
      for (const warning of [...lifecycleWarnings(cluster, props), ...ignoredDependencies(cluster, props)]) {
        Annotations.of(cluster).addWarning(warning);
      }
    },
  });
}

/**
 * @throws Error when another cluster of the same app would use the same port, directory or supervisor program on a host
 *   that both use, or would write its credentials to the same directory.
 */
export function checkOtherClusters(cluster: Construct, props: EtcdClusterProps, settings: ClusterSettings): void {
  const clusters = clustersOf(cluster.node.root);
  const named = { name: cluster.node.path, settings };
  const addresses = settings.members.map(({ listenAddress }) => canonicalAddress(listenAddress));
  const neighbours = new Set(addresses.flatMap((address) => clusters.get(address) ?? []));
  throwProblems("EtcdCluster", cluster.node.path, [
    ...[...neighbours].flatMap((neighbour) => sharedHostProblems([neighbour, named])),
    ...sharedCredentials(cluster, props),
  ]);
  for (const address of addresses) clusters.set(address, [...(clusters.get(address) ?? []), named]);
}

/** Each deploy of one cluster would replace the credentials of the other. */
function* sharedCredentials({ node }: Construct, { operatorCredentials }: EtcdClusterProps): Iterable<string> {
  if (operatorCredentials === undefined) return;
  const { directory } = operatorCredentials;
  const owners = credentials.get(node.root) ?? new Map<string, string>();
  credentials.set(node.root, owners);
  const path = isKnown(directory) ? resolve(directory.replace(/^~(?=\/|$)/, homedir())) : directory;
  const owner = owners.get(path);
  owners.set(path, owner ?? node.path);
  if (owner !== undefined) {
    yield `operatorCredentials.directory: "${directory}" is also that of the cluster "${owner}", and the files of one would replace those of the other; use a directory for each, e.g. "${directory}/${node.path}"`;
  }
}

/** The directories of the credentials of an app's clusters so far, and the paths of these clusters. */
const credentials = new WeakMap<IConstruct, Map<string, string>>();

/**
 * The clusters of an app so far, by the addresses of their members: comparing each cluster with every other one would
 * make synth quadratic.
 */
const apps = new WeakMap<IConstruct, Map<string, NamedCluster[]>>();

function clustersOf(app: IConstruct): Map<string, NamedCluster[]> {
  const clusters = apps.get(app) ?? new Map<string, NamedCluster[]>();
  apps.set(app, clusters);
  return clusters;
}
