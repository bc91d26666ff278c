import { MINORS } from "../release/flags.generated";
import { flagKnown, flagVersions } from "../release/flags";
import { OWNED_FLAGS } from "../render/owned-flags";
import { isKnown, type Rule, unless } from "./problem";
import { versionIsKnown } from "./version-rules";

export const extraFlags: Rule = function* (subject) {
  const { version, extraFlags } = subject.settings;
  for (const [flag, value] of Object.entries(extraFlags)) {
    const path = `extraFlags["${flag}"]`;
    if (flag.startsWith("-")) {
      yield `${path}: has dashes; give "${flag.replace(/^-+/, "")}"`;
    } else if (Object.prototype.hasOwnProperty.call(OWNED_FLAGS, flag)) {
      yield `${path}: is not free; ${OWNED_FLAGS[flag]}`;
    } else if (versionIsKnown(subject) && !flagKnown(flag, version)) {
      yield `${path}: etcd ${version} does not know it and would not start; ${remedy(flag)}`;
    }
    yield* unless(
      path,
      value,
      (text) => !/\p{Cc}/u.test(text),
      "holds a line break or another control character; leave it out",
    );
  }
};

function remedy(flag: string): string {
  const versions = flagVersions(flag);
  return versions === ""
    ? `nor does any version from ${MINORS[0]} to ${MINORS[MINORS.length - 1]}: check the spelling`
    : `it exists in ${versions}: leave it out`;
}

/** Props whose flag is younger than the oldest version. */
export const propsOfVersion: Rule = function* (subject) {
  if (!versionIsKnown(subject)) return;
  const { settings } = subject;
  const flags = { autoCompactionMode: "auto-compaction-mode", listenMetricsUrls: "listen-metrics-urls" } as const;
  for (const [prop, flag] of Object.entries(flags)) {
    if (settings[prop as keyof typeof flags] !== undefined && !flagKnown(flag, settings.version)) {
      yield `${prop}: etcd ${settings.version} has no --${flag} and would not start; it exists in ${flagVersions(flag)}: leave it out`;
    }
  }
};

export const metricsUrls: Rule = function* ({ settings }) {
  for (const [i, url] of (settings.listenMetricsUrls ?? []).entries()) {
    if (!isKnown(url)) continue;
    const path = `listenMetricsUrls[${i}]: "${url}"`;
    const [, host, port] = /^https?:\/\/(\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):(\d+)$/.exec(url) ?? [];
    if (host === undefined) {
      yield `${path} is not a URL that etcd can listen on; give scheme, IP address and port, e.g. http://127.0.0.1:2381`;
    } else if ([settings.peerPort, settings.clientPort].includes(Number(port))) {
      yield `${path} has the port of peers or clients; give another, e.g. 2381`;
    } else if (
      settings.members.length > 1 &&
      settings.members.some(({ address }) => host === address || host === `[${address}]`)
    ) {
      yield `${path} has the address of one member, and every member gets this URL; give 0.0.0.0 or 127.0.0.1`;
    }
  }
};
