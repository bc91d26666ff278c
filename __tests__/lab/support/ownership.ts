import { HOSTS, type Lab } from "./lab";

/** The places where etcd's user may write, besides temporary directories. */
const ETCDS = /^(\/data\/etcd\/etcd-server(\/.*)?|\/opt\/etcd-v[\d.]+\/certs\.[0-9a-f]+\/etcd-peer-key\.pem)$/;

/** The directories that are searched: everything that a deploy installs on a host, and what is above it. */
const PLACES =
  "/opt /data /etc /usr/local /var/lib/cdktf-etcd /run/cdktf-etcd /root /home $(dirname $(readlink -f $(which supervisorctl)))";

/**
 * Searches the hosts as etcd's user and as nobody. Neither may have write access to what root runs, sources, reads as
 * code or writes, nor to the directories above it.
 *
 * @returns One line for each path that can be written to but should not be; empty when all is well.
 */
export async function writableByOthers(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  const found = await lab.onAll(
    `for user in etcd nobody; do
      setpriv --reuid=$user --regid=$(id -g $user) --clear-groups find ${PLACES} ! -type l -writable -printf "$user %p\\n" 2>/dev/null
    done; true`,
    hosts,
  );
  return found
    .flatMap((lines, i) => lines.split("\n").map((line) => [hosts[i], ...line.split(" ")]))
    .filter(([, user, path]) => path !== undefined && !(user === "etcd" && ETCDS.test(path)))
    .map((words) => words.join(" "));
}

/** The paths that another user than root owns but should not, with their owners; empty when all is well. */
export async function ownedByOthers(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  const found = await lab.onAll(
    `find /opt/etcd* /data /etc/supervisor /var/lib/cdktf-etcd ! -uid 0 -printf '%u %p\\n' | sort`,
    hosts,
  );
  return found
    .flatMap((lines) => lines.split("\n"))
    .filter((line) => line !== "" && !(line.startsWith("etcd ") && ETCDS.test(line.slice("etcd ".length))));
}
