import { MINORS } from "../release/flags.generated";
import { supportStatus } from "../release/support";
import { withoutLogin } from "../release/url-login";
import { parseVersion } from "../release/version";
import { isKnown, type Rule, type Subject } from "./problem";

/** Whether the version is known well enough for the other rules to check something against it. */
export function versionIsKnown({ settings }: Subject): boolean {
  return isKnown(settings.version) && MINORS.includes(parseVersion(settings.version)?.minor ?? "");
}

export const version: Rule = function* (subject) {
  const { version } = subject.settings;
  if (!isKnown(version)) {
    yield "version: a token is known only at apply; use a literal, because the flags and the digest depend on it";
  } else if (!parseVersion(version)) {
    yield `version: "${version}" is not an etcd version; use X.Y.Z, e.g. 3.6.14`;
  } else if (!versionIsKnown(subject)) {
    yield `version: "${version}" has a minor version that this package does not know; use ${MINORS[0]} to ${MINORS[MINORS.length - 1]}`;
  } else {
    const { denied } = supportStatus(version);
    if (denied) yield `version: "${version}" is refused: ${denied}`;
  }
};

export const outdatedVersion: Rule = function* (subject) {
  if (!versionIsKnown(subject)) return;
  const { warning } = supportStatus(subject.settings.version);
  if (warning) yield `version: "${subject.settings.version}": ${warning}`;
};

export const digests: Rule = function* (subject) {
  const { release, version } = subject.settings;
  const { amd64, arm64 } = release._digests(version);
  for (const digest of new Set([amd64, arm64])) {
    if (isKnown(digest) && !/^[0-9a-f]{64}$/.test(digest)) {
      yield `release: "${digest}" is not a SHA-256 digest; use 64 lower-case hex digits, as sha256sum prints them`;
    }
  }
  if (versionIsKnown(subject) && amd64 === undefined && arm64 === undefined) {
    yield `version: the digest of "${version}" is not known; pass it to the release, e.g. EtcdRelease.github({ sha256: "…" })`;
  }
};

export const mirror: Rule = function* ({ settings: { release } }) {
  const url = release._archiveUrl("X.Y.Z", "ARCH");
  if (isKnown(url) && !isDownloadable(url)) {
    yield `release: ${JSON.stringify(withoutSecrets(url))} is not a URL that a host can download from; use https://… or http://… for the mirror, without "?" and "#", and percent-encode them and "/" in a password`;
  }
};

/** The host appends a path to the URL, so it ends in a path. A password with a "/" would be taken for a port and a path. */
function isDownloadable(url: string): boolean {
  return /^https?:\/\/[^/]/.test(url) && !/[\s?#\p{Cc}]/u.test(url) && URL.canParse(url);
}

/** For a message about a URL that may be wrong in any way: whatever may be a login or a token in it is left out. */
function withoutSecrets(url: string): string {
  return url.replace(/^.*@/s, "…@").replace(/\?.*/s, "?…");
}

export const mirrorPassword: Rule = function* ({ settings: { release } }) {
  const url = release._archiveUrl("X.Y.Z", "ARCH");
  if (isKnown(url) && withoutLogin(url) !== url) {
    yield `release: the password in the mirror's URL is written into the synthesized JSON; put a sensitive TerraformVariable in its place`;
  }
};

/** The archive is on the operator's machine, where Terraform reads it. */
export const archivePath: Rule = function* ({ settings: { release } }) {
  const path = release._archivePath;
  if (isKnown(path) && (path === "" || /\p{Cc}|^https?:|^~[^/\\]/u.test(path))) {
    yield `release: ${JSON.stringify(withoutSecrets(path))} is not the path of an archive; use e.g. downloads/etcd-v3.6.14-linux-amd64.tar.gz, or EtcdRelease.mirror() for a URL`;
  }
};
