import type { ClusterSettings, MemberSettings } from "../settings";
import { renderIni } from "./ini";
import { installedFiles } from "./layout";

/** The ini file of a member's supervisor program. */
export function renderProgramIni(
  cluster: Pick<ClusterSettings, "installRoot" | "logDir" | "user">,
  member: Pick<MemberSettings, "name">,
): string {
  const { startupScript, directory } = installedFiles(cluster.installRoot);
  return renderIni(`program:${member.name}`, {
    command: startupScript,
    directory,
    user: cluster.user,
    autostart: "true",
    // supervisor restarts etcd after exit code 0, too, because etcd is not meant to exit on its own.
    autorestart: "true",
    startsecs: "1",
    // supervisor must not give up on a member that waits for a deploy or for its quorum.
    startretries: "1000",
    stopsignal: "TERM",
    // On SIGTERM, etcd first transfers its leadership to another member.
    stopwaitsecs: "30",
    redirect_stderr: "true",
    stdout_logfile: `${cluster.logDir}/etcd.log`,
    stdout_logfile_maxbytes: "64MB",
    stdout_logfile_backups: "4",
  });
}
