import { atLeast } from "./version";

/** Whether etcdctl speaks the v3 API only when `ETCDCTL_API=3` is set (3.6 warns when it is set). */
export function needsApiVariable(version: string): boolean {
  return !atLeast(version, "3.4.0");
}

/** Whether etcdctl has `move-leader`. */
export function hasMoveLeader(version: string): boolean {
  return atLeast(version, "3.3.0");
}

/** Whether a member can be added as a learner. */
export function hasLearners(version: string): boolean {
  return atLeast(version, "3.4.0");
}

/** The program that restores a snapshot and tells its status. */
export function snapshotTool(version: string): string {
  return atLeast(version, "3.5.0") ? "etcdutl" : "etcdctl";
}
