import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Construct } from "constructs";
import type { Side } from "../render/side-program";

/**
 * What the checks compare the host with, and what every later phase that checks again needs, too. `CHECKED_SHA256` is
 * the digest of the member's facts and of these certificates.
 */
const CHECKED = [
  "OPERATOR_TIME",
  "CA_PEM_BASE64",
  "AUTHORITY_PEM_BASE64",
  "LEAF_PEM_BASE64",
  "CHECKED_SHA256",
] as const;

/** Bootstrap and rollout use these facts to recognize what is staged on the host. */
const STAGED = ["STARTUP_SHA256", "PROGRAM_INI_SHA256", "LEAF_SHA256", "CA_PEM_BASE64"] as const;

/**
 * The host compares this list of members with those of earlier deploys: it tells whether this deploy changes the list,
 * and whether this state is an old copy. While it is the list with which the state began, no member is removed.
 */
const LISTED = ["MEMBERSHIP", "FOUNDING_MEMBERSHIP"] as const;

/** By these facts, a host knows whether this deploy founds the cluster, or restores it, with this member. */
const FOUNDING = ["FOUNDERS", "CLUSTER_TOKEN", "FOUNDING_REPROVISIONS", ...LISTED] as const;

/** When the restore was recorded (RFC 3339), the same time on all hosts. */
const RESTORING = ["RESTORED_AT"] as const;

/**
 * The phases that run on a host, in the order of a deploy. Each one is a function `phase_NAME` in
 * `scripts/phases/NAME.sh`, unless its comment says otherwise. All are sent the same script files (below), but for the
 * three that a removal runs.
 *
 * - `seconds`: the time limit of the whole phase, after which the host ends it. `remote-exec` itself would wait forever.
 * - `touches`: the most that the phase may change.
 * - `data`: the facts that it gets beside those of the member (`member-facts.ts`), because they exist only at apply.
 */
export const PHASES = {
  preflight: {
    // It may wait twice for up to a minute for a member that is being changed, and as long for its own clock.
    seconds: 240,
    touches: "only leftovers of this package, its own notes in /run, and connections to dead members",
    data: CHECKED,
  },
  /** In `scripts/lib/main.sh`. It runs as the SSH user, who does not become root for it. */
  open_inbox: { seconds: 30, touches: "the directory for uploads", data: [] },
  archive: {
    seconds: 300,
    touches: "the directory of a version that is not running",
    data: [...CHECKED, "GENESIS", "OWNER"],
  },
  stage: {
    seconds: 600,
    touches:
      "etcd's user, supervisor's package and service, the files beside the running etcd, and its leaf certificate; " +
      "it starts a stopped member that has data, and restarts one that keeps crashing",
    data: [
      ...CHECKED,
      ...["GENESIS", "OWNER", "FOUNDERS"],
      ...["STARTUP_BASE64", "PROGRAM_INI_BASE64", "ETCDCTL_ENV_BASE64"],
      ...["BACKUP_BASE64", "BACKUP_INI_BASE64", "DEFRAGMENTATION_BASE64", "DEFRAGMENTATION_INI_BASE64"],
    ],
  },
  /** Only in a program that restores a snapshot that is on a host. */
  offer: {
    seconds: 1800,
    touches: "a directory beside the member's data, and a port, at which the other hosts get the snapshot",
    data: [...STAGED, ...FOUNDING],
  },
  /** Only in a program that restores a snapshot. A large one must be copied and read. */
  restore: {
    seconds: 1800,
    touches: "a directory beside the member's data",
    data: [...STAGED, ...FOUNDING, ...RESTORING],
  },
  /** Only in a program that restores a snapshot. */
  ready: { seconds: 120, touches: "nothing", data: FOUNDING },
  bootstrap: {
    seconds: 600,
    touches:
      "this member: it starts a founder that has no data, and a stopped member that has data; " +
      "in a restore, it stops the member, moves its data aside, and starts it with the restored ones",
    data: [...STAGED, ...FOUNDING],
  },
  /** Only in a program that restores a snapshot. */
  admit: { seconds: 600, touches: "a restored member, which it restarts", data: [...STAGED, ...FOUNDING] },
  rollout: {
    /** A learner may have to copy a large database. */
    seconds: 1800,
    touches: "this member, and the list of members",
    data: [...STAGED, ...LISTED],
  },
  health: { seconds: 600, touches: "the list of members", data: [...LISTED, "ROLLOUTS", "STAGES", "LEAVES"] },
  /** The facts of this phase and the next two are kept in the state (`removal.ts`). */
  decommission: { seconds: 120, touches: "a member that has left the program", data: [] },
  /** On the host of another member. */
  dismiss: {
    seconds: 300,
    touches: "the list of members: it takes out one whose machine is a resource of the same stack, and goes",
    data: [],
  },
  /** In `scripts/phases/decommission.sh`. */
  shutdown: { seconds: 120, touches: "a member whose cluster is destroyed, or has left the program", data: [] },
} as const;

export type Phase = keyof typeof PHASES;

/** A value for each fact. */
type Data<Facts extends readonly string[]> = { readonly [fact in Facts[number]]: string };

/** A value for each fact that the phase needs. */
export type PhaseData<P extends Phase> = Data<(typeof PHASES)[P]["data"]>;

export type CheckedData = Data<typeof CHECKED>;
export type StagedData = Data<typeof STAGED>;
export type ListedData = Data<typeof LISTED>;
export type FoundingData = Data<typeof FOUNDING>;

/** The phases that have a file of their own in `scripts/phases/`. */
const PHASE_FILES = Object.keys(PHASES).filter((phase) => phase !== "open_inbox" && phase !== "shutdown");

/**
 * The files that the removal of a member needs. Their order matters only where a file sets variables when it is read:
 * `installation` comes before the files that use its variables.
 */
const REMOVAL = [
  "say",
  "main",
  "lock",
  "files",
  "trust",
  "installation",
  "etcd-process",
  "mounts",
  "registry",
  "data-directory",
  "supervisor-conf",
  "supervisor",
  "supervisor-unit",
  "side-programs",
  "names",
  "etcdctl",
  "members",
  "turn",
] as const;

/** The files that the phases share. */
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
  "checks",
  "checks-certificates",
  "checks-data",
  "checks-network",
  "checks-places",
  "checks-restore",
  "checks-supervisor",
  "snapshot",
  "upgrade",
  "raft-snapshot",
  "running",
  "starting",
  "quota",
  "converge",
  "gate",
  "founding",
  "join",
  "transfer",
  "restore",
] as const;

/** The files that the side programs share with the phases. */
const SIDE_LIBRARY = [
  "say",
  "files",
  "trust",
  "installation",
  "etcd-process",
  "registry",
  "names",
  "etcdctl",
  "members",
] as const;

/** The directory of the host scripts in this package. */
export const SCRIPTS_DIRECTORY = join(__dirname, "..", "..", "scripts");

/** All files that run on a host, in the order in which the host reads them. */
export const HOST_SCRIPT_FILES: readonly string[] = files(LIBRARY, PHASE_FILES);

/** The files that a destroy-time provisioner runs. */
export const REMOVAL_SCRIPT_FILES: readonly string[] = files(REMOVAL, ["decommission"]);

/** The files for a dismissal, which a destroy-time provisioner runs on the host of another member. */
export const DISMISSAL_SCRIPT_FILES: readonly string[] = files([...REMOVAL, "connections", "membership"], ["dismiss"]);

/** The files of the side programs, which supervisor runs beside etcd. The last one calls the program's main function. */
export const SIDE_SCRIPT_FILES: { readonly [side in Side]: readonly string[] } = {
  backup: [
    "side/common.sh",
    ...files([...SIDE_LIBRARY, "mounts", "snapshot", "upgrade"], []),
    ...["main", "slot", "take", "verify", "retention", "report", "after-each", "run"].map(
      (name) => `backup/${name}.sh`,
    ),
  ],
  defragmentation: [
    "side/common.sh",
    ...files([...SIDE_LIBRARY, "lock", "quota", "turn"], []),
    ...["main", "run"].map((name) => `defragmentation/${name}.sh`),
  ],
};

/** @throws Error when a bundler has copied the code of this package into a file elsewhere, without the scripts. */
export function requireHostScripts({ node }: Construct): void {
  if (existsSync(join(SCRIPTS_DIRECTORY, HOST_SCRIPT_FILES[0]))) return;
  throw new Error(
    `${node.path}: the host scripts of this package are not in ${SCRIPTS_DIRECTORY}: a bundler has copied the package's code, but not its other files; ` +
      "make the package external in the bundler's configuration, so that it stays in node_modules",
  );
}

function files(library: readonly string[], phases: readonly string[]): string[] {
  return [...library.map((name) => `lib/${name}.sh`), ...phases.map((name) => `phases/${name}.sh`)];
}
