import { join } from "node:path";

/**
 * What runs on a host, in the order of a deploy: each a function `phase_NAME` in `scripts/phases/NAME.sh`, where it does not say otherwise.
 *
 * `seconds` is the limit of the whole phase, after which it is ended on the host: `remote-exec` itself would wait for ever. `touches` is the most that
 * it may change.
 */
export const PHASES = {
  preflight: { seconds: 120, touches: "nothing but this package's own left-overs and connections to dead members" },
  /** In `scripts/lib/main.sh`: before the connection's user becomes root. */
  open_inbox: { seconds: 30, touches: "the directory that an upload goes to" },
  archive: { seconds: 300, touches: "the directory of a version that does not run" },
  stage: { seconds: 600, touches: "what lies beside the running etcd, and its leaf certificate" },
  bootstrap: { seconds: 600, touches: "a founder that has no data" },
  /** A learner may have to copy a large database. */
  rollout: { seconds: 1800, touches: "this member, and the list of members" },
  health: { seconds: 600, touches: "the list of members" },
  decommission: { seconds: 120, touches: "a member that has left the program" },
  /** In `scripts/phases/decommission.sh`. */
  shutdown: { seconds: 120, touches: "a member whose cluster is destroyed, or has left the program" },
} as const;

export type Phase = keyof typeof PHASES;

/** The phases that have a file of their own in `scripts/phases/`. */
const PHASE_FILES = Object.keys(PHASES).filter((phase) => phase !== "open_inbox" && phase !== "shutdown");

/** What a member's removal needs. The order matters only where a file sets variables at its top: installation before the rest. */
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

/** What the phases share. */
const LIBRARY = [
  ...REMOVAL,
  "packages",
  "tls",
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

/** The files of the host scripts in this package. */
export const SCRIPTS_DIRECTORY = join(__dirname, "..", "..", "scripts");

/** All that run on a host, in the order in which it reads them. */
export const HOST_SCRIPT_FILES: readonly string[] = files(LIBRARY, PHASE_FILES);

/** Those that a destroy-time provisioner runs. */
export const REMOVAL_SCRIPT_FILES: readonly string[] = files(REMOVAL, ["decommission"]);

function files(library: readonly string[], phases: readonly string[]): string[] {
  return [...library.map((name) => `lib/${name}.sh`), ...phases.map((name) => `phases/${name}.sh`)];
}
