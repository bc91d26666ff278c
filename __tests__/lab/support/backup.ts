import { join } from "node:path";
import type { Lab } from "./lab";
import type { Project } from "./project";

const programOf = (host: string) => `/var/lib/cdktf-etcd/etcd-server-${host.slice(4)}/backup`;

/** Takes a backup on a host; returns its path there. */
export async function backUp(lab: Lab, host: string): Promise<string> {
  await lab.on(host, `sh ${programOf(host)} now`);
  return lab.on(host, `sh ${programOf(host)} latest`);
}

/**
 * Brings the newest backup of a host to the operator's project, and verifies it there, as docs/backups.md describes;
 * returns its name.
 */
export async function bringNewest(lab: Lab, project: Project, host: string): Promise<string> {
  const script = `
alias ssh='ssh -F "$CONFIG"' scp='scp -F "$CONFIG"'
host=${host} program=${programOf(host)}
file=$(ssh "$host" sh "$program" latest)
scp -q "$host:$file" "$host:$file.json" .
file=\${file##*/}
[ "$(head -c -32 "$file" | sha256sum | cut -d' ' -f1)" = "$(tail -c 32 "$file" | od -An -v -tx1 | tr -d ' \\n')" ] && echo "$file is whole"`;
  const config = join(lab.directory("."), "..", "ssh_config");
  const { output } = await lab.exec(["env", `CONFIG=${config}`, "sh", "-c", script], { cwd: project.directory });
  const name = /^(\S+\.db) is whole$/m.exec(output)?.[1];
  if (name === undefined) throw new Error(output);
  return name;
}
