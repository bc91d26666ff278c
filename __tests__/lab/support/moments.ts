/* The moment in the middle of a deploy at which something is to happen. */
import { HOSTS, type Lab } from "./lab";
import type { Running } from "./run";

/** Resolves when the command has printed this; throws when it has ended without. */
export async function said(running: Running, pattern: RegExp): Promise<void> {
  let output = "";
  const printed = new Promise<true>((resolve) => {
    running.child.stdout?.on("data", (chunk) => {
      output += chunk;
      if (pattern.test(output)) resolve(true);
    });
  });
  if ((await Promise.race([printed, running.ended])) !== true && !pattern.test(output)) {
    throw new Error(`never said ${pattern}: ${output}`);
  }
}

/** Waits for what goes on upon the hosts after its Terraform was killed: each phase has its member's lock. */
export async function phasesEnded(lab: Lab, hosts = Object.keys(HOSTS)): Promise<void> {
  await lab.onAll("for lock in /run/cdktf-etcd/*.lock; do flock $lock true; done", hosts);
}

/** A digest of all that a deploy puts on a host, but for data and logs, which a running etcd writes: what no refusal may touch. */
export function installed(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  return lab.onAll(
    "find /opt /srv /etc /root /var/lib/cdktf-etcd -name '.cdktf-etcd-*.sh' -o \\( -type f -exec sha256sum {} + -o -printf '%y %m %u %g %p %l\\n' \\) | sort | sha256sum; stat -c '%U %a' /data/etcd/etcd-server",
    hosts,
  );
}
