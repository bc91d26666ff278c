import { byName } from "../topology/order";
import type { ClusterSettings } from "../settings";
import { canonicalAddress, overlap } from "./formats";
import { isKnown } from "./problem";

/** A cluster, and how messages call it. */
export interface NamedCluster {
  readonly name: string;
  readonly settings: ClusterSettings;
}

/** What two clusters of one program would both take on a host that they share; one line each. */
export function sharedHostProblems(clusters: readonly NamedCluster[]): string[] {
  const sorted = [...clusters].sort(byName);
  return sorted.flatMap((one, i) => sorted.slice(i + 1).flatMap((other) => [...conflicts(one, other)]));
}

function* conflicts(one: NamedCluster, other: NamedCluster): Iterable<string> {
  for (const address of sharedAddresses(one.settings, other.settings)) {
    const say = (what: string, fix: string) =>
      `"${one.name}" and "${other.name}" share the host ${address} and ${what}; ${fix}`;
    for (const port of portsOf(one.settings).filter((port) => portsOf(other.settings).includes(port))) {
      yield say(`port ${port} on it`, "give one of them other ports");
    }
    for (const [prop, path] of Object.entries(directoriesOf(one.settings))) {
      for (const [otherProp, otherPath] of Object.entries(directoriesOf(other.settings))) {
        if (isKnown(path) && isKnown(otherPath) && overlap(path, otherPath)) {
          yield say(`${path} (${prop}) overlaps with ${otherPath} (${otherProp})`, "give one of them other paths");
        }
      }
    }
    if (one.settings.supervisorIni === other.settings.supervisorIni) {
      yield say(
        `the supervisor file "${one.settings.supervisorIni}"`,
        "give one of them another paths.supervisorProgramFile",
      );
    }
    const [name, otherName] = [one, other].map(
      ({ settings }) => settings.members.find((member) => keyOf(member) === address)?.name,
    );
    if (name === otherName) yield say(`the supervisor program "${name}"`, "give one of the members another name");
  }
}

function sharedAddresses(one: ClusterSettings, other: ClusterSettings): string[] {
  const others = new Set(other.members.map(keyOf));
  return one.members.map(keyOf).filter((address) => others.has(address));
}

function keyOf({ address }: { readonly address: string }): string {
  return canonicalAddress(address);
}

function portsOf({ peerPort, clientPort }: ClusterSettings): number[] {
  return [peerPort, clientPort];
}

/** The link `etcd` and what it points to are an install root's own; two roots may lie in each other. */
function directoriesOf({ installRoot, dataDir, logDir }: ClusterSettings): { [prop: string]: string } {
  return { "paths.installRoot": `${installRoot}/etcd`, "paths.dataDir": dataDir, "paths.logDir": logDir };
}
