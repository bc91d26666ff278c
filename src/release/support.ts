import { MINORS } from "./flags.generated";
import { atLeast, parseVersion } from "./version";

/** What this package thinks of a version. */
export interface SupportStatus {
  /** Why it is refused. */
  readonly denied?: string;
  /** Why one should not stay on it. */
  readonly warning?: string;
}

/** The patch of each minor below which data can be lost or a member can fail to start. */
const FIRST_SOUND_PATCH: { readonly [minor: string]: string } = { "3.4": "3.4.22", "3.5": "3.5.6", "3.6": "3.6.4" };

/**
 * etcd maintains "the current version and previous release" (etcd.io/docs/v3.6/op-guide/versioning): 3.7 and 3.6. 3.5 stays in the list,
 * because its patches still come (3.5.35 of October 2026).
 */
const MAINTAINED_SINCE = "3.5.0";

/** Whether `version` (X.Y.Z, one of the minors that this package knows) may be deployed. */
export function supportStatus(version: string): SupportStatus {
  const { minor } = parseVersion(version) ?? { minor: "" };
  if (atLeast(version, "3.5.0") && !atLeast(version, "3.5.3")) {
    return { denied: "3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later" };
  }
  const reasons: string[] = [];
  if (!atLeast(version, MAINTAINED_SINCE)) {
    reasons.push(`etcd ${minor} gets no fixes any more; plan the upgrade to ${MINORS[MINORS.length - 2]}`);
  }
  const sound = FIRST_SOUND_PATCH[minor];
  if (sound && !atLeast(version, sound)) {
    reasons.push(`it has known defects that ${sound} fixes; use ${sound} or later`);
  }
  return { warning: reasons.join("; ") || undefined };
}
