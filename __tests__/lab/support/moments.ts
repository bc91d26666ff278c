/* How to wait for a moment in the middle of a deploy, and what to compare after it. */
import { HOSTS, type Lab } from "./lab";
import type { Running } from "./run";

/** Resolves when the command has printed the pattern; throws if it ends without having printed it. */
export async function said(running: Running, pattern: RegExp): Promise<void> {
  let output = "";
  const printed = new Promise<true>((resolve) => {
    running.child.stdout?.on("data", (chunk) => {
      output += chunk;
      if (pattern.test(output)) resolve(true);
    });
  });
  if ((await Promise.race([printed, running.ended])) !== true && !pattern.test(output)) {
    throw new Error(`the command did not print ${pattern}: ${output}`);
  }
}

/**
 * Waits for the end of the phases that still run on the hosts after Terraform was killed. Each holds its member's lock.
 */
export async function phasesEnded(lab: Lab, hosts = Object.keys(HOSTS)): Promise<void> {
  await lab.onAll("for lock in /run/cdktf-etcd/*.lock; do flock $lock true; done", hosts);
}

/**
 * A digest, for each host, of everything that a deploy installs, which no refusal may change. Data and logs are left
 * out, because a running etcd writes them.
 */
export function installed(lab: Lab, hosts = Object.keys(HOSTS)): Promise<string[]> {
  return lab.onAll(
    "find /opt /srv /etc /root /var/lib/cdktf-etcd -name '.cdktf-etcd-*.sh' -o \\( -type f -exec sha256sum {} + -o -printf '%y %m %u %g %p %l\\n' \\) | sort | sha256sum; stat -c '%U %a' /data/etcd/etcd-server",
    hosts,
  );
}
