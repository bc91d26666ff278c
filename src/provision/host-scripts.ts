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
  "trust",
  "installation",
  "mounts",
  "registry",
  "data-directory",
  "supervisor-conf",
  "supervisor",
  "packages",
  "etcdctl",
  "tls",
  "members",
  "turn",
  "connections",
  "membership",
  "claims",
  "takeover",
  "binaries",
  "certificates",
  "checks-data",
  "checks",
  "checks-supervisor",
  "upgrade",
  "raft-snapshot",
  "running",
  "starting",
  "quota",
  "converge",
  "founding",
  "join",
] as const;

/** What a member's removal needs of both. */
const REMOVAL = [
  "say",
  "main",
  "lock",
  "files",
  "trust",
  "installation",
  "mounts",
  "registry",
  "data-directory",
  "supervisor-conf",
  "supervisor",
  "etcdctl",
  "members",
  "turn",
] as const;

export type Phase = (typeof PHASES)[number] | "open_inbox" | "shutdown";

const DIRECTORY = join(__dirname, "..", "..", "scripts");

const cached = new Map<string, string>();

/** The host scripts as one text: every file as it is, one after the other. */
export function hostScripts(): string {
  return textOf(LIBRARY, PHASES);
}

/**
 * Those that a destroy-time provisioner runs. It may not refer to a local, so each carries its own text; with all the scripts in each,
 * Terraform took 1.3 s longer to read the program of three members (3.3 s for a plan without changes, on two cores).
 */
export function removalScripts(): string {
  return textOf(REMOVAL, ["decommission"]);
}

function textOf(library: readonly string[], phases: readonly string[]): string {
  const files = [...library.map((name) => `lib/${name}.sh`), ...phases.map((name) => `phases/${name}.sh`)];
  const key = files.join();
  const text = cached.get(key) ?? files.map((file) => readFileSync(join(DIRECTORY, file), "utf8")).join("\n");
  cached.set(key, text);
  return text;
}
