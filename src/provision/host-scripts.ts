import { join } from "node:path";

/** The phases of a deploy that run on a host, each a function `phase_NAME` in `scripts/phases/`. */
const PHASES = ["preflight", "archive", "stage", "bootstrap", "rollout", "health", "decommission"] as const;

/** What a member's removal needs. The order matters only where a file sets variables at its top: installation before the rest. */
const REMOVAL = ["say", "main", "lock", "files", "installation", "supervisor", "etcdctl", "members", "turn"] as const;

/** What the phases share. */
const LIBRARY = [
  ...REMOVAL,
  "mounts",
  "packages",
  "connections",
  "membership",
  "binaries",
  "certificates",
  "checks",
  "upgrade",
  "raft-snapshot",
  "converge",
  "join",
] as const;

export type Phase = (typeof PHASES)[number] | "open_inbox" | "shutdown";

/** The files of the host scripts in this package. */
export const SCRIPTS_DIRECTORY = join(__dirname, "..", "..", "scripts");

/** All that run on a host, in the order in which it reads them. */
export const HOST_SCRIPT_FILES: readonly string[] = files(LIBRARY, PHASES);

/** Those that a destroy-time provisioner runs. */
export const REMOVAL_SCRIPT_FILES: readonly string[] = files(REMOVAL, ["decommission"]);

function files(library: readonly string[], phases: readonly string[]): string[] {
  return [...library.map((name) => `lib/${name}.sh`), ...phases.map((name) => `phases/${name}.sh`)];
}
