import type { ClusterSettings, MemberSettings } from "../settings";
import { renderIni } from "./ini";
import { installedFiles } from "./layout";

/** The supervisor program of a member. */
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
    // Also after an exit with code 0: etcd is never done.
    autorestart: "true",
    startsecs: "1",
    // A member that waits for a deploy, or for its quorum, must not be given up.
    startretries: "1000",
    stopsignal: "TERM",
    // On TERM etcd hands its leadership over first.
    stopwaitsecs: "30",
    redirect_stderr: "true",
    stdout_logfile: `${cluster.logDir}/etcd.log`,
    stdout_logfile_maxbytes: "64MB",
    stdout_logfile_backups: "4",
  });
}
