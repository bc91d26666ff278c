import {
  DEFAULT_CLIENT_PORT,
  DEFAULT_DATA_DIR,
  DEFAULT_INSTALL_ROOT,
  DEFAULT_LOG_DIR,
  DEFAULT_PEER_PORT,
  DEFAULT_SSH_PORT,
  DEFAULT_SSH_TIMEOUT,
  DEFAULT_SSH_USER,
  DEFAULT_SUPERVISOR_INI,
  DEFAULT_USER,
  DEFAULT_VERSION,
  defaultScriptPath,
} from "./defaults";
import { type EtcdClusterProps, type EtcdMemberProps, RemovalPolicy, type SshOptions } from "./props";
import { EtcdRelease } from "./release/etcd-release";
import type { ClusterSettings, MemberSettings, SshSettings } from "./settings";
import { SshKey } from "./ssh-key";
import { byName } from "./topology/order";
import { clientUrl, peerUrl } from "./topology/urls";

/** Fills every default in. */
export function resolveClusterProps(props: EtcdClusterProps): ClusterSettings {
  const peerPort = props.ports?.peer ?? DEFAULT_PEER_PORT;
  const clientPort = props.ports?.client ?? DEFAULT_CLIENT_PORT;
  return {
    members: props.members.map((member) => resolveMember(member, props.ssh, peerPort, clientPort)).sort(byName),
    version: props.version ?? DEFAULT_VERSION,
    release: props.release ?? EtcdRelease.github(),
    installRoot: props.paths?.installRoot ?? DEFAULT_INSTALL_ROOT,
    dataDir: props.paths?.dataDir ?? DEFAULT_DATA_DIR,
    logDir: props.paths?.logDir ?? DEFAULT_LOG_DIR,
    supervisorIni: props.paths?.supervisorProgramFile ?? DEFAULT_SUPERVISOR_INI,
    peerPort,
    clientPort,
    user: props.user ?? DEFAULT_USER,
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    insecureLoopbackClientUrl: props.insecureLoopbackClientUrl ?? false,
    quotaBackendBytes: props.quotaBackendBytes,
    autoCompaction: props.autoCompaction,
    heartbeatInterval: props.heartbeatInterval,
    electionTimeout: props.electionTimeout,
    listenMetricsUrls: props.listenMetricsUrls,
    extraFlags: props.extraFlags ?? {},
  };
}

function resolveMember(
  member: EtcdMemberProps,
  clusterSsh: SshOptions,
  peerPort: number,
  clientPort: number,
): MemberSettings {
  return {
    name: member.name,
    address: member.address,
    host: member.hostName ?? member.address,
    hostName: member.hostName,
    ssh: resolveSsh(mergeSsh(clusterSsh, member.ssh), member.address),
    peerUrl: peerUrl(member.address, peerPort),
    clientUrl: clientUrl(member.address, clientPort),
    reprovision: member.reprovision ?? 0,
  };
}

/** A member's settings over the cluster's. */
function mergeSsh(cluster: SshOptions, member: SshOptions = {}): SshOptions {
  const own = Object.fromEntries(Object.entries(member).filter(([, value]) => value !== undefined)) as SshOptions;
  return { ...cluster, ...own };
}

function resolveSsh(ssh: SshOptions, address: string): SshSettings {
  const user = ssh.user ?? DEFAULT_SSH_USER;
  const key = ssh.key ?? SshKey.agent();
  const bastionKey = ssh.bastionKey ?? key;
  return {
    host: ssh.host ?? address,
    port: ssh.port ?? DEFAULT_SSH_PORT,
    user,
    privateKeyFile: key._file,
    privateKey: key._pem,
    // Terraform forwards the agent to the host, so it is off where keys make it needless.
    agent: key._isAgent || (ssh.bastionHost !== undefined && bastionKey._isAgent),
    hostKey: ssh.hostKey,
    timeout: ssh.timeout ?? DEFAULT_SSH_TIMEOUT,
    scriptPath: ssh.scriptPath ?? defaultScriptPath(user),
    ...(ssh.bastionHost === undefined ? {} : resolveBastion(ssh, user, bastionKey)),
  };
}

function resolveBastion(ssh: SshOptions, user: string, key: SshKey): Partial<SshSettings> {
  return {
    bastionHost: ssh.bastionHost,
    bastionPort: ssh.bastionPort ?? DEFAULT_SSH_PORT,
    bastionUser: ssh.bastionUser ?? user,
    bastionPrivateKeyFile: key._file,
    bastionPrivateKey: key._pem,
  };
}
