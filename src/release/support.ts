import { MINORS } from "./flags.generated";
import { atLeast, parseVersion } from "./version";

/** Whether this package supports a version. */
export interface SupportStatus {
  /** Why the version is refused. */
  readonly denied?: string;
  /** Why a cluster should not stay on the version. */
  readonly warning?: string;
}

/** For each minor version, the patch below which data can be lost or a member can fail to start. */
const FIRST_SOUND_PATCH: { readonly [minor: string]: string } = { "3.4": "3.4.22", "3.5": "3.5.6", "3.6": "3.6.4" };

/**
 * etcd maintains "the current version and previous release" (etcd.io/docs/v3.6/op-guide/versioning): 3.7 and 3.6. 3.5
 * counts as maintained, too, because it still gets patches (3.5.35 in October 2026).
 */
const MAINTAINED_SINCE = "3.5.0";

/** Whether `version` (X.Y.Z, of one of the minor versions that this package knows) may be deployed. */
export function supportStatus(version: string): SupportStatus {
  const { minor } = parseVersion(version) ?? { minor: "" };
  if (atLeast(version, "3.5.0") && !atLeast(version, "3.5.3")) {
    return { denied: "3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later" };
  }
  const reasons: string[] = [];
  if (!atLeast(version, MAINTAINED_SINCE)) {
    reasons.push(`etcd ${minor} no longer gets fixes; plan an upgrade to ${MINORS[MINORS.length - 2]}`);
  }
  const sound = FIRST_SOUND_PATCH[minor];
  if (sound && !atLeast(version, sound)) {
    reasons.push(`it has known defects that ${sound} fixes; use ${sound} or later`);
  }
  return { warning: reasons.join("; ") || undefined };
}
