/*
 * The commands of docs/replace-member.md for the host of a member that was removed while the host was down.
 */

/** Shell text that stops the member's programs under supervisor and removes their files. */
export function unregister(name: string, file = "etcd-server"): string {
  return `for side in -backup -defragmentation ""; do
  supervisorctl stop ${name}$side || true
  rm -f /etc/supervisor/conf.d/${file}$side.ini /etc/supervisor/conf.d/${file}$side.conf
  supervisorctl update ${name}$side
done`;
}

/** Shell text that removes everything that the package has put on the host for this member. */
export function cleanUp(
  name: string,
  {
    file = "etcd-server",
    installRoot = "/opt",
    dataDir = "/data/etcd/etcd-server",
    logDir = "/data/logs/etcd-server",
  } = {},
): string {
  return `${unregister(name, file)}
rm -rf ${dataDir}-backups
rm -r ${dataDir} ${logDir} ${installRoot}/etcd ${installRoot}/etcd-v* /var/lib/cdktf-etcd/${name}`;
}
