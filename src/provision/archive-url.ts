import { Token } from "cdktf";
import { withoutLogin } from "../release/url-login";
import type { ClusterSettings } from "../settings";

/** Stands for `amd64` or `arm64` in the archive's URL: only the host knows its architecture. */
const ARCH = "{arch}";

/**
 * The URL of the release archive if it contains, or may contain, a user and a password. Such a URL is not a fact,
 * because facts are written in plain text.
 */
export function secretArchiveUrl(cluster: ClusterSettings): string | undefined {
  const url = archiveUrl(cluster);
  return archiveUrlFact(cluster) === url ? undefined : url;
}

/** The URL of the release archive as a fact, without a user and a password. */
export function archiveUrlFact(cluster: ClusterSettings): string {
  const url = archiveUrl(cluster);
  // A token does not show whether its value starts with a user and a password.
  return Token.isUnresolved(url) && !/^[a-z]+:\/\//i.test(url) ? "the mirror" : withoutLogin(url);
}

function archiveUrl(cluster: ClusterSettings): string {
  return cluster.release._archiveUrl(cluster.version, ARCH) ?? "";
}
