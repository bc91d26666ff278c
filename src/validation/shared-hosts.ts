import { byName } from "../topology/order";
import { sidesOf } from "../render/side-program";
import type { ClusterSettings, MemberSettings } from "../settings";
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
        if (!isKnown(path) || !isKnown(otherPath)) continue;
        const inVersion =
          (otherProp === INSTALL_ROOT && isInVersion(path, other.settings)) ||
          (prop === INSTALL_ROOT && isInVersion(otherPath, one.settings));
        if (inVersion || overlap(path, otherPath)) {
          yield say(
            `and ${path} (${prop}) overlaps with ${otherPath} (${otherProp})`,
            "give one of them different paths",
          );
        }
      }
    }
    for (const file of programFilesOf(one.settings).filter((file) => programFilesOf(other.settings).includes(file))) {
      yield say(
        `and both use the supervisor file "${file}"`,
        "give one of them a different paths.supervisorProgramFile",
      );
    }
    const programs = programsOf(other.settings, address);
    for (const program of programsOf(one.settings, address).filter((name) => programs.includes(name))) {
      yield say(`and both use the supervisor program "${program}"`, "give one of the members a different name");
    }
  }
}

function sharedAddresses(one: ClusterSettings, other: ClusterSettings): string[] {
  return one.members
    .filter((member) =>
      other.members.some((neighbour) => keyOf(neighbour) === keyOf(member) && !apart(member, neighbour)),
    )
    .map(keyOf);
}

/**
 * Whether two members with the same address are on different hosts: private networks may use the same addresses. Their
 * hosts are then behind different bastions, or have different addresses for SSH.
 */
function apart(one: MemberSettings, other: MemberSettings): boolean {
  const ways = ({ address, ssh }: MemberSettings) => [ssh.bastionHost, ssh.host === address ? undefined : ssh.host];
  const others = ways(other);
  return ways(one).some((way, i) => {
    const otherWay = others[i];
    return way !== undefined && otherWay !== undefined && canonicalAddress(way) !== canonicalAddress(otherWay);
  });
}

function keyOf({ listenAddress }: { readonly listenAddress: string }): string {
  return canonicalAddress(listenAddress);
}

/** Every port on which a member listens, and the one that it uses for the time of a restore. */
export function portsOf({ peerPort, clientPort, listenMetricsUrls = [], restore }: ClusterSettings): number[] {
  const metrics = listenMetricsUrls.filter(isKnown).map((url) => Number(/:(\d+)$/.exec(url)?.[1]));
  return [...new Set([peerPort, clientPort, ...metrics, ...(restore?.source.member ? [restore.transferPort] : [])])];
}

const INSTALL_ROOT = "paths.installRoot";

/** Only the link `etcd` and its target belong to an install root, so one root may be inside another. */
export function directoriesOf({ installRoot, dataDir, logDir, backups }: ClusterSettings): { [prop: string]: string } {
  return {
    [INSTALL_ROOT]: `${installRoot}/etcd`,
    "paths.dataDir": dataDir,
    "paths.logDir": logDir,
    ...(backups && { "backups.directory": backups.directory }),
  };
}

/** Whether a path is in a directory of etcd's binaries, such as `/opt/etcd-v3.6.14`: a removal deletes those. */
export function isInVersion(path: string, { installRoot }: Pick<ClusterSettings, "installRoot">): boolean {
  return path.startsWith(`${installRoot}/`) && /^etcd-v\d+\.\d+\.\d+(\/|$)/.test(path.slice(installRoot.length + 1));
}

/** What the names of the programs under supervisor end in: nothing for etcd itself. */
function suffixesOf(settings: ClusterSettings): string[] {
  return ["", ...sidesOf(settings).map((side) => `-${side}`)];
}

function programFilesOf(settings: ClusterSettings): string[] {
  return suffixesOf(settings).map((suffix) => `${settings.supervisorIni}${suffix}`);
}

function programsOf(settings: ClusterSettings, address: string): string[] {
  const name = settings.members.find((member) => keyOf(member) === address)?.name;
  return suffixesOf(settings).map((suffix) => `${name}${suffix}`);
}
