import { renderEnv } from "../render/env-file";
import { reloadsLeaf } from "../release/leaf-reload";
import { renderUpgradeSources } from "../release/upgrade";
import type { ClusterSettings, MemberSettings } from "../settings";
import { endpoints } from "../topology/endpoints";
import { initialCluster } from "../topology/initial-cluster";

/** Stands for `amd64` or `arm64` in the archive's URL: only the host knows which. */
const ARCH = "{arch}";

/** What the host scripts are told of a member: plain facts, no secret, nothing that exists only after an apply. */
export function memberFacts(cluster: ClusterSettings, member: MemberSettings): string {
  const digests = cluster.release.digests(cluster.version);
  return renderEnv({
    MEMBER: member.name,
    HOST: member.host,
    ADDRESS: member.address,
    PEER_URL: member.peerUrl,
    CLIENT_URL: member.clientUrl,
    PEER_PORT: String(cluster.peerPort),
    CLIENT_PORT: String(cluster.clientPort),
    INITIAL_CLUSTER: initialCluster(cluster.members),
    ENDPOINTS: endpoints(cluster.members),
    INSECURE_LOOPBACK: cluster.insecureLoopbackClientUrl ? "1" : "0",
    VERSION: cluster.version,
    ARCHIVE_URL: cluster.release.archiveUrl(cluster.version, ARCH) ?? "",
    SHA256_AMD64: digests.amd64 ?? "",
    SHA256_ARM64: digests.arm64 ?? "",
    INSTALL_ROOT: cluster.installRoot,
    DATA_DIR: cluster.dataDir,
    LOG_DIR: cluster.logDir,
    SUPERVISOR_INI: cluster.supervisorIni,
    ETCD_USER: cluster.user,
    UPGRADE_SOURCES: renderUpgradeSources(cluster.version),
    RELOADS_LEAF: reloadsLeaf(cluster.version) ? "1" : "0",
  });
}
