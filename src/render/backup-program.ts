import type { BackupSettings, ClusterSettings, MemberSettings } from "../settings";
import { renderEnv } from "./env-file";
import { renderIni } from "./ini";

type Cluster = Pick<ClusterSettings, "installRoot" | "dataDir" | "logDir" | "user">;
type Member = Pick<MemberSettings, "name" | "host" | "peerUrl" | "clientUrl">;

/**
 * What a member's backup program is told. Nothing of it depends on the other members or on the version of etcd: the
 * program asks the etcd on its host, so it need not change when they do.
 *
 * @param path Path of the cluster's construct.
 */
export function renderBackupEnv(path: string, cluster: Cluster, member: Member, backups: BackupSettings): string {
  const { keep } = backups;
  return renderEnv({
    CLUSTER: path,
    MEMBER: member.name,
    HOST: member.host,
    PEER_URL: member.peerUrl,
    CLIENT_URL: member.clientUrl,
    INSTALL_ROOT: cluster.installRoot,
    DATA_DIR: cluster.dataDir,
    ETCD_USER: cluster.user,
    BACKUP_DIR: backups.directory,
    BACKUP_LOG: backupLog(cluster),
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

/** The ini file of the backup program. */
export function renderBackupIni(
  cluster: Pick<ClusterSettings, "logDir">,
  { name }: Pick<MemberSettings, "name">,
): string {
  return renderIni(`program:${name}-backup`, {
    command: `/bin/sh /var/lib/cdktf-etcd/${name}/backup run`,
    directory: "/",
    user: "root",
    autostart: "true",
    autorestart: "true",
    startsecs: "1",
    // supervisor must never give it up: backups would end, and nobody would know.
    startretries: "1000000",
    stopsignal: "TERM",
    // Its children, etcdctl and the command after each backup, end with it.
    stopasgroup: "true",
    killasgroup: "true",
    stopwaitsecs: "10",
    redirect_stderr: "true",
    stdout_logfile: backupLog(cluster),
    stdout_logfile_maxbytes: "8MB",
    stdout_logfile_backups: "2",
  });
}

function backupLog({ logDir }: Pick<ClusterSettings, "logDir">): string {
  return `${logDir}/etcd-backup.log`;
}
