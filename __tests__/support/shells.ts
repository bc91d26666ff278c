import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Host, type HostOptions } from "./host";

const CANDIDATES = ["/bin/sh", "/bin/dash", "/bin/bash"].filter((path) => existsSync(path));

/**
 * The shells that `sh` can be on the systems on which the scripts run, each once: dash on Debian, bash on RHEL.
 * `SHELLS=dash` selects one of them, for a quick run.
 */
const SHELLS = [...new Set(CANDIDATES.map((path) => realpathSync(path)))].filter((path) =>
  path.endsWith(`/${process.env.SHELLS ?? ""}`.replace(/\/$/, "")),
);

if (!CANDIDATES.some((path) => realpathSync(path).endsWith("/dash"))) {
  console.warn("SKIPPED: the host scripts are not run in dash, because it is not installed");
}

/** Runs the same tests with each shell as `sh`; `newHost` makes a host that is removed after the test. */
export function inEachShell(tests: (newHost: (options?: HostOptions) => Host) => void): void {
  describe.each(SHELLS)("in %s", (shell) => {
    const hosts: Host[] = [];
    afterEach(() => {
      for (const host of hosts.splice(0)) {
        host.shutDown();
        rmSync(host.root, { recursive: true });
      }
    });
    tests((options) => {
      const host = new Host(mkdtempSync(join(tmpdir(), "cdktf-etcd-host-")), { shell, ...options });
      hosts.push(host);
      return host;
    });
  });
}

/** A test of something that only root can do or see, such as another owner, or another user's process. */
export const testAsRoot = process.getuid?.() === 0 ? test : test.skip;
if (testAsRoot === test.skip)
  console.warn("SKIPPED: tests that need root (owners of files, logging in as another user)");
