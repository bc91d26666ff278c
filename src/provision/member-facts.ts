import { createHash } from "node:crypto";
import { Fn, Token } from "cdktf";
import { reloadsLeaf } from "../release/leaf-reload";
import { renderUpgradeSources } from "../release/upgrade";
import { renderEnv } from "../render/env-file";
import { type EtcdFlag, etcdFlags } from "../render/etcd-flags";
import { sidesOf } from "../render/side-program";
import type { ClusterSettings, MemberSettings } from "../settings";
import { durationSeconds } from "../settings/duration";
import { endpoints } from "../topology/endpoints";
import { initialCluster } from "../topology/initial-cluster";
import { archiveUrlFact } from "./archive-url";
import { restoreFacts } from "./restore-facts";

/** The Terraform addresses of those resources of a member that a message may ask the operator to replace. */
export interface ReplaceableResources {
  readonly archive: string;
  readonly stage: string;
  readonly rollout: string;
  readonly bootstrap: string;
  readonly restore: string;
  readonly admit: string;
  /** That of the member whose host has the snapshot of a restore. */
  readonly offer: string;
}

/**
 * The facts about a member that the host scripts get: plain text, without secrets, and without anything that exists
 * only after an apply.
 *
 * @param path Path of the cluster's construct.
 */
export function memberFacts(
  path: string,
  cluster: ClusterSettings,
  member: MemberSettings,
  resources: ReplaceableResources,
): string {
  const digests = cluster.release._digests(cluster.version);
  return renderEnv({
    CLUSTER: path,
    MEMBER: member.name,
    HOST: member.host,
    LISTEN_ADDRESS: member.listenAddress,
    LISTEN_ADDRESSES: cluster.members.map(({ listenAddress }) => listenAddress).join(" "),
    NAMES: names(cluster.members),
    PEER_URL: member.peerUrl,
    CLIENT_URL: member.clientUrl,
    PEER_PORT: String(cluster.peerPort),
    INITIAL_CLUSTER: initialCluster(cluster.members),
    ENDPOINTS: endpoints(cluster.members),
    CONNECT_SECONDS: String(connectSeconds(member)),
    LISTENS: listens(etcdFlags(cluster, member)),
    VERSION: cluster.version,
    ARCHIVE_URL: archiveUrlFact(cluster),
    SHA256_AMD64: digests.amd64 ?? "",
    SHA256_ARM64: digests.arm64 ?? "",
    INSTALL_ROOT: cluster.installRoot,
    DATA_DIR: cluster.dataDir,
    LOG_DIR: cluster.logDir,
    SUPERVISOR_INI: cluster.supervisorIni,
    REPROVISION: String(member.reprovision),
    MACHINE: machineDigest(member),
    ETCD_USER: cluster.user,
    SIDE_PROGRAMS: sidesOf(cluster).join(" "),
    BACKUP_DIR: cluster.backups?.directory ?? "",
    BACKUP_SECONDS: String(cluster.backups?.everySeconds ?? ""),
    TEXTFILE_DIR: cluster.backups?.textfileDirectory ?? "",
    QUOTA_BACKEND_BYTES: String(cluster.quotaBackendBytes ?? ""),
    UPGRADE_SOURCES: renderUpgradeSources(cluster.version),
    RELOADS_LEAF: reloadsLeaf(cluster.version) ? "1" : "0",
    ARCHIVE_RESOURCE: resources.archive,
    STAGE_RESOURCE: resources.stage,
    ROLLOUT_RESOURCE: resources.rollout,
    ...(cluster.restore && {
      ...restoreFacts(cluster.restore),
      BOOTSTRAP_RESOURCE: resources.bootstrap,
      RESTORE_RESOURCE: resources.restore,
      ADMIT_RESOURCE: resources.admit,
      OFFER_RESOURCE: resources.offer,
    }),
  });
}

/** Stands for the machine's id, which may have any characters; empty if the program has none. */
export function machineDigest({ machine }: MemberSettings): string {
  if (machine === undefined) return "";
  return Token.isUnresolved(machine) ? Fn.sha256(machine) : createHash("sha256").update(machine).digest("hex");
}

/** The members' names in DNS, and the addresses to which they must lead, as words of the form `NAME=ADDRESS`. */
function names(members: readonly MemberSettings[]): string {
  return members
    .filter(({ address, listenAddress }) => address !== listenAddress)
    .map(({ address, listenAddress }) => `${address}=${listenAddress}`)
    .join(" ");
}

/** All URLs that etcd is to listen on, as words of the form `FLAG=URL`. */
function listens(flags: readonly EtcdFlag[]): string {
  return flags
    .filter(([flag]) => /^listen-.*urls$/.test(flag))
    .flatMap(([flag, urls]) => urls.split(",").map((url) => `${flag}=${url.trim()}`))
    .join(" ");
}

/** Ten minutes, for a timeout that is known only at apply. */
const UNKNOWN_TIMEOUT_SECONDS = 600;

function connectSeconds({ ssh: { timeout } }: MemberSettings): number {
  return Token.isUnresolved(timeout) ? UNKNOWN_TIMEOUT_SECONDS : durationSeconds(timeout);
}
