import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The `PYTHONPATH` with which /usr/bin/python3 can import supervisor. It is empty if the package is installed;
 * otherwise Debian's package is unpacked into the user's cache directory. If that is not possible either, it is
 * undefined, with a warning.
 */
export function supervisorPythonPath(): string | undefined {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cdktf-etcd", "supervisor");
  const unpacked = join(cache, "usr/lib/python3/dist-packages");
  for (const path of ["", unpacked]) if (imports(path)) return path;
  try {
    mkdirSync(cache, { recursive: true });
    execFileSync("apt-get", ["download", "supervisor"], { cwd: cache, stdio: "pipe" });
    execFileSync("sh", ["-c", "dpkg -x supervisor_*.deb ."], { cwd: cache, stdio: "pipe" });
  } catch {
    // The warning below says so.
  }
  if (existsSync(unpacked) && imports(unpacked)) return unpacked;
  console.warn(
    "SKIPPED: supervisor's own parser was not used, because /usr/bin/python3 has no supervisor and there is no Debian package of it",
  );
  return undefined;
}

function imports(path: string): boolean {
  try {
    runPython(path, "import supervisor.options");
    return true;
  } catch {
    return false;
  }
}

/** Runs a Python program with supervisor's modules; returns what it prints. */
export function runPython(pythonPath: string, program: string, args: string[] = []): string {
  return execFileSync("/usr/bin/python3", ["-W", "ignore", "-c", program, ...args], {
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: pythonPath },
    stdio: "pipe",
  });
}
