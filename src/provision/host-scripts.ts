import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The phases of a deploy that run on a host, each a function `phase_NAME` in `scripts/phases/`. */
const PHASES = ["preflight", "archive", "stage", "bootstrap", "rollout", "health", "decommission"] as const;

/** What the phases share. The order matters only where a file sets variables at its top: installation before the rest. */
const LIBRARY = [
  "say",
  "main",
  "lock",
  "files",
  "installation",
  "supervisor",
  "packages",
  "etcdctl",
  "members",
  "turn",
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

const DIRECTORY = join(__dirname, "..", "..", "scripts");

let cached: string | undefined;

/** The host scripts as one text: every file as it is, one after the other. */
export function hostScripts(): string {
  cached ??= [
    ...LIBRARY.map((name) => join(DIRECTORY, "lib", `${name}.sh`)),
    ...PHASES.map((name) => join(DIRECTORY, "phases", `${name}.sh`)),
  ]
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  return cached;
}
