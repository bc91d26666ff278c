import { HOSTS, type Lab } from "./lab";

/** Where etcd's user may write at all, besides temporary directories. */
const ETCDS = /^(\/data\/etcd\/etcd-server(\/.*)?|\/opt\/etcd-v[\d.]+\/certs\.[0-9a-f]+\/etcd-peer-key\.pem)$/;

/** All that a deploy puts on a host, and what lies above it: roots of the walk. */
const PLACES =
  "/opt /data /etc /usr/local /var/lib/cdktf-etcd /run/cdktf-etcd /root /home $(dirname $(readlink -f $(which supervisorctl)))";

/**
 * Walks hosts as etcd's user and as nobody: what root runs, sources, reads as code or writes, and all that lies above it, may be written by neither.
 * What comes back is what may be, but should not, a line each; empty when all is well.
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

/** Whose each thing is, where another user than root has something. */
export async function ownedByOthers(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  const found = await lab.onAll(
    `find /opt/etcd* /data /etc/supervisor /var/lib/cdktf-etcd ! -uid 0 -printf '%u %p\\n' | sort`,
    hosts,
  );
  return found
    .flatMap((lines) => lines.split("\n"))
    .filter((line) => line !== "" && !(line.startsWith("etcd ") && ETCDS.test(line.slice("etcd ".length))));
}
