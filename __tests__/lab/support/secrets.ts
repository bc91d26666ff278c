import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const SECRET = /PRIVATE KEY-----/;

/**
 * Looks repeatedly for the first line of a PEM private key: in the command lines of all processes, including those of
 * the hosts, which run on this machine, and in Terraform's files in `/tmp` of this machine and of every host.
 */
export function watchForSecrets(): { stop(): string[] } {
  const seen = new Set<string>();
  const look = () => {
    const roots = new Map<string, string>();
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        if (SECRET.test(command)) seen.add(`process list: ${command.slice(0, 80)}`);
        roots.set(readlinkSync(`/proc/${pid}/ns/mnt`), `/proc/${pid}/root/tmp`);
      } catch {
        // The process has ended in the meantime.
      }
    }
    for (const tmp of roots.values()) lookInto(tmp, seen);
  };
  const timer = setInterval(look, 25);
  return {
    stop() {
      clearInterval(timer);
      look();
      return [...seen];
    },
  };
}

function lookInto(tmp: string, seen: Set<string>): void {
  try {
    for (const entry of readdirSync(tmp, { withFileTypes: true })) {
      if (!entry.isFile() || !/^(terraform|tf-)/.test(entry.name)) continue;
      if (SECRET.test(readFileSync(join(tmp, entry.name), "utf8"))) seen.add(`${entry.name} in /tmp`);
    }
  } catch {
    // The directory or the file has disappeared in the meantime.
  }
}
