import { HOSTS, type Lab } from "./lab";
import type { ProgramProps, Project } from "./project";

export const MEMBERS = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];

/** The host and the member at 10.4.7.N. */
export const hostOf = (n: number): string => `hdss7-${n}`;
export const nameOf = (n: number): string => `etcd-server-7-${n}`;

/** A host in the form HOST=ADDRESS, as `lab up --hosts` and `lab add` take it. */
export const addressed = (host: string): string => `${host}=10.4.${host.slice(4).replace("-", ".")}`;

/** The props of the member at 10.4.7.N, on the host hdss7-N. */
export function member(n: number, more: object = {}): { readonly name: string } {
  return { name: nameOf(n), address: `10.4.7.${n}`, hostName: hostOf(n), ...more } as {
    readonly name: string;
  };
}

/**
 * Expects that every endpoint answers a linearizable read with the operator's certificate, and that the members are
 * exactly these voters.
 */
export async function expectHealthy(project: Project, names: readonly string[] = MEMBERS): Promise<void> {
  const health = await project.etcdctl("endpoint health --command-timeout=20s");
  expect(health.output.match(/is healthy/g)).toHaveLength(names.length);
  const list = await project.etcdctl("member list");
  const members = list.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(", "));
  expect(members.map(([, status, name]) => `${name} ${status}`).sort()).toEqual(
    [...names].sort().map((name) => `${name} started`),
  );
  expect(members.filter(([, , , , , learner]) => learner === "true")).toEqual([]);
}

/** Expects that another apply changes and restarts nothing, and that no temporary files are left on the hosts. */
export async function expectSettled(
  lab: Lab,
  project: Project,
  props: ProgramProps = {},
  hosts = Object.keys(HOSTS),
): Promise<void> {
  const before = await pids(lab, hosts);
  expect((await project.apply(props)).output).toMatch(/No changes/);
  expect(await pids(lab, hosts)).toEqual(before);
  expect(await leftovers(lab, hosts)).toBe("");
}

/** The process IDs of etcd, one entry per host. */
export function pids(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  return lab.onAll(
    'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = etcd ] && basename $p; done; true',
    hosts,
  );
}

/** The temporary files of a deploy that are left on hosts; empty when all is well. */
export async function leftovers(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string> {
  const found = await lab.onAll(
    "ls -d /opt/.*.aside /opt/etcd*/*.next /opt/etcd*/.*.aside /opt/etcd/first-start.env " +
      "/var/lib/cdktf-etcd/*/restart-pending /etc/supervisor/conf.d/.*.aside 2>/dev/null; " +
      // The empty file that Terraform leaves may be there a moment longer.
      "sleep 1; find /tmp /root /home/* -maxdepth 2 \\( -name 'terraform_*' -o -name '.cdktf-etcd*' \\); true",
    hosts,
  );
  return found.join("");
}

/**
 * A digest, for each host, of the owner, mode, size and last change of every file, except for what a running system
 * writes by itself.
 */
export async function fingerprint(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  return Promise.all(
    hosts.map((host) =>
      lab.on(
        host,
        "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /var/tmp " +
          "-o -path /var/lib/systemd -o -name '.cdktf-etcd-*.sh' \\) -prune -o \\( -type f -printf '%m %u %g %s %C@ %p\\n' -o -printf '%y %m %u %g %p %l\\n' \\) | sort | sha256sum",
      ),
    ),
  );
}
