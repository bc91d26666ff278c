import { byName } from "../topology/order";
import type { ClusterSettings } from "../settings";
import { canonicalAddress, overlap } from "./formats";
import { isKnown } from "./problem";

/** A cluster, and its name in messages. */
export interface NamedCluster {
  readonly name: string;
  readonly settings: ClusterSettings;
}

/** What two clusters of one program would both use on a host that they share, as one line per conflict. */
export function sharedHostProblems(clusters: readonly NamedCluster[]): string[] {
  const sorted = [...clusters].sort(byName);
  return sorted.flatMap((one, i) => sorted.slice(i + 1).flatMap((other) => [...conflicts(one, other)]));
}

function* conflicts(one: NamedCluster, other: NamedCluster): Iterable<string> {
  for (const address of sharedAddresses(one.settings, other.settings)) {
    const say = (what: string, fix: string) =>
      `"${one.name}" and "${other.name}" share the host ${address}, ${what}; ${fix}`;
    for (const port of portsOf(one.settings).filter((port) => portsOf(other.settings).includes(port))) {
      yield say(`and both use port ${port} on it`, "give one of them different ports");
    }
    for (const [prop, path] of Object.entries(directoriesOf(one.settings))) {
      for (const [otherProp, otherPath] of Object.entries(directoriesOf(other.settings))) {
        if (isKnown(path) && isKnown(otherPath) && overlap(path, otherPath)) {
          yield say(
            `and ${path} (${prop}) overlaps with ${otherPath} (${otherProp})`,
            "give one of them different paths",
          );
        }
      }
    }
    if (one.settings.supervisorIni === other.settings.supervisorIni) {
      yield say(
        `and both use the supervisor file "${one.settings.supervisorIni}"`,
        "give one of them a different paths.supervisorProgramFile",
      );
    }
    const [name, otherName] = [one, other].map(
      ({ settings }) => settings.members.find((member) => keyOf(member) === address)?.name,
    );
    if (name === otherName)
      yield say(`and both use the supervisor program "${name}"`, "give one of the members a different name");
  }
}

function sharedAddresses(one: ClusterSettings, other: ClusterSettings): string[] {
  const others = new Set(other.members.map(keyOf));
  return one.members.map(keyOf).filter((address) => others.has(address));
}

function keyOf({ listenAddress }: { readonly listenAddress: string }): string {
  return canonicalAddress(listenAddress);
}

function portsOf({ peerPort, clientPort }: ClusterSettings): number[] {
  return [peerPort, clientPort];
}

/** Only the link `etcd` and its target belong to an install root, so one root may be inside another. */
export function directoriesOf({ installRoot, dataDir, logDir }: ClusterSettings): { [prop: string]: string } {
  return { "paths.installRoot": `${installRoot}/etcd`, "paths.dataDir": dataDir, "paths.logDir": logDir };
}
