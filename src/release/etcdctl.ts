import { atLeast } from "./version";

/**
 * Whether etcdctl uses the v3 API only if `ETCDCTL_API=3` is set. Later versions do not need it, and 3.6 warns when it
 * is set.
 */
export function needsApiVariable(version: string): boolean {
  return !atLeast(version, "3.4.0");
}
