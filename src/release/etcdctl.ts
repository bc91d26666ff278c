import { atLeast } from "./version";

/** Whether etcdctl speaks the v3 API only when `ETCDCTL_API=3` is set (3.6 warns when it is set). */
export function needsApiVariable(version: string): boolean {
  return !atLeast(version, "3.4.0");
}
