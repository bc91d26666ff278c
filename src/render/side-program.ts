import type { BackupSettings, ClusterSettings, DefragmentationSettings, MemberSettings } from "../settings";
import { renderEnv } from "./env-file";
import { renderIni } from "./ini";

/** A program that supervisor runs beside a member's etcd. The host scripts call it by this name (`side-programs.sh`). */
export type Side = "backup" | "defragmentation";

/** The side programs that the cluster has. */
export function sidesOf({ backups, defragmentation }: ClusterSettings): Side[] {
  return [...(backups ? (["backup"] as const) : []), ...(defragmentation ? (["defragmentation"] as const) : [])];
}

type Cluster = Pick<ClusterSettings, "installRoot" | "dataDir" | "logDir" | "user">;
type Member = Pick<MemberSettings, "name" | "host" | "peerUrl" | "clientUrl">;

/**
 * What a member's backup program is told.
 *
 * @param path Path of the cluster's construct.
 */
export function renderBackupEnv(path: string, cluster: Cluster, member: Member, backups: BackupSettings): string {
  const { keep } = backups;
  return renderEnv({
    ...sideFacts(path, cluster, member),
    BACKUP_DIR: backups.directory,
    BACKUP_LOG: sideLog(cluster, "backup"),
    BACKUP_SECONDS: String(backups.everySeconds),
    BACKUP_MAX_BYTES: backups.maxBytes === undefined ? "" : String(backups.maxBytes),
    KEEP_LAST: keep._last === undefined ? "" : String(keep._last),
    KEEP_ALL_HOURS: String(keep._ages.allHours),
    KEEP_HOURLY: String(keep._ages.hourly),
    KEEP_DAILY: String(keep._ages.daily),
    KEEP_WEEKLY: String(keep._ages.weekly),
    AFTER_EACH: backups.command ?? "",
    AFTER_EACH_SECONDS: String(backups.commandSeconds),
    TEXTFILE_DIR: backups.textfileDirectory ?? "",
  });
}

/**
 * What a member's defragmentation program is told.
 *
 * @param path Path of the cluster's construct.
 */
export function renderDefragmentationEnv(
  path: string,
  cluster: Cluster,
  member: Member,
  { minFreeBytes, minFreePercent, window }: DefragmentationSettings,
): string {
  return renderEnv({
    ...sideFacts(path, cluster, member),
    MIN_FREE_BYTES: String(minFreeBytes),
    MIN_FREE_PERCENT: String(minFreePercent),
    WINDOW: window ?? "",
  });
}

/**
 * What every side program is told. Nothing of it depends on the other members or on the version of etcd: the program
 * asks the etcd on its host, so it need not change when they do.
 */
function sideFacts(path: string, cluster: Cluster, member: Member): { [key: string]: string } {
  return {
    CLUSTER: path,
    MEMBER: member.name,
    HOST: member.host,
    PEER_URL: member.peerUrl,
    CLIENT_URL: member.clientUrl,
    INSTALL_ROOT: cluster.installRoot,
    DATA_DIR: cluster.dataDir,
    ETCD_USER: cluster.user,
  };
}

/** The file with which supervisor runs a side program. */
export function renderSideIni(
  cluster: Pick<ClusterSettings, "logDir">,
  { name }: Pick<MemberSettings, "name">,
  side: Side,
): string {
  return renderIni(`program:${name}-${side}`, {
    command: `/bin/sh /var/lib/cdktf-etcd/${name}/${side} run`,
    directory: "/",
    user: "root",
    autostart: "true",
    autorestart: "true",
    startsecs: "1",
    // supervisor must never give it up: its work would end, and nobody would know.
    startretries: "1000000",
    // On SIGTERM, the shell would write `Terminated` to the log for whatever it waits for at that moment.
    stopsignal: "INT",
    // Its children, such as etcdctl, end with it.
    stopasgroup: "true",
    killasgroup: "true",
    stopwaitsecs: "10",
    redirect_stderr: "true",
    stdout_logfile: sideLog(cluster, side),
    stdout_logfile_maxbytes: "8MB",
    stdout_logfile_backups: "2",
  });
}

function sideLog({ logDir }: Pick<ClusterSettings, "logDir">, side: Side): string {
  return `${logDir}/etcd-${side}.log`;
}
