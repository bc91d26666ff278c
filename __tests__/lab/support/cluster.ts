import { HOSTS, type Lab } from "./lab";
import type { Project } from "./project";

export const MEMBERS = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];

/** Every endpoint answers a linearizable read with the operator's certificate, and the members are the runbook's. */
export async function expectHealthy(project: Project): Promise<void> {
  const health = await project.etcdctl("endpoint health");
  expect(health.output.match(/is healthy/g)).toHaveLength(MEMBERS.length);
  const list = await project.etcdctl("member list");
  const members = list.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(", "));
  expect(members.map(([, status, name]) => `${name} ${status}`).sort()).toEqual(
    MEMBERS.map((name) => `${name} started`),
  );
}

/** The process ids of etcd, by host. */
export function pids(lab: Lab): Promise<string[]> {
  return lab.onAll('for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = etcd ] && basename $p; done; true');
}

/** Everything that a deploy uses on its way and must not leave on a host; empty when all is well. */
export async function leftovers(lab: Lab): Promise<string> {
  const found = await lab.onAll(
    "ls -d /root/.cdktf-etcd /opt/.*.aside /opt/etcd*/*.next /opt/etcd*/.*.aside /opt/etcd/first-start.env " +
      "/var/lib/cdktf-etcd/*/restart-pending /etc/supervisor/conf.d/.*.aside 2>/dev/null; " +
      "find /tmp -maxdepth 1 -name 'terraform_*' -size +0; true",
  );
  return found.join("");
}

/** A digest of every file of every host, but for what a running system writes by itself. */
export async function fingerprint(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  return Promise.all(
    hosts.map((host) =>
      lab.on(
        host,
        "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /var/tmp " +
          "-o -path /var/lib/systemd \\) -prune -o \\( -type f -exec sha256sum {} + -o -printf '%y %m %u %g %p %l\\n' \\) | sort | sha256sum",
      ),
    ),
  );
}
