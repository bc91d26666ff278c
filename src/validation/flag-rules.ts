import { DEFAULT_PEER_COMMON_NAME } from "../pki/certificate-options";
import { KeyType } from "../pki/key-type";
import { MINORS } from "../release/flags.generated";
import { flagKnown, flagVersions } from "../release/flags";
import { FIXED_FLAGS, OWNED_FLAGS } from "../render/owned-flags";
import { flagValueProblem, isTrue, parseFeatureGates } from "./flag-values";
import { canonicalAddress, isIpAddress, isPort, withoutBrackets } from "./formats";
import { hasNumberToken, isKnown, type Rule, shown } from "./problem";
import { fieldProblems } from "./types";
import { versionIsKnown } from "./version-rules";

export const extraFlags: Rule = function* (subject) {
  const { version, extraFlags } = subject.settings;
  for (const [flag, value] of Object.entries(extraFlags)) {
    const path = `extraFlags["${flag}"]`;
    if (flag.startsWith("-")) {
      yield `${path}: starts with dashes; use "${flag.replace(/^-+/, "")}"`;
    } else if (Object.prototype.hasOwnProperty.call(OWNED_FLAGS, flag)) {
      yield `${path}: cannot be set here; ${OWNED_FLAGS[flag]}`;
    } else if (versionIsKnown(subject) && !flagKnown(flag, version)) {
      yield `${path}: etcd ${version} does not know this flag and would not start; ${remedy(flag)}`;
    } else {
      yield* flagValue(path, flag, value, versionIsKnown(subject) ? version : undefined);
    }
  }
};

/** Flags whose wrong value would lose data, or lock out every later deploy, so it must be checked at synth. */
const KNOWN_AT_SYNTH = [...Object.keys(FIXED_FLAGS), "max-request-bytes", "max-txn-ops", "v2-deprecation"];

function* flagValue(path: string, flag: string, value: unknown, version?: string): Iterable<string> {
  if (value === undefined) {
    yield `${path}: is missing; set it, or leave the flag out`;
  } else if (typeof value === "string" && hasNumberToken(value)) {
    yield* fieldProblems(path, value, "text");
  } else if (!isKnown(value)) {
    if (KNOWN_AT_SYNTH.includes(flag)) yield `${path}: a token is known only at apply; use a literal`;
  } else if (typeof value !== "string") {
    yield `${path}: ${shown(value)} is not a string; put it in quotes: ${JSON.stringify(String(value))}`;
  } else if (/\p{Cc}/u.test(value)) {
    yield `${path}: ${JSON.stringify(value)} contains a line break or another control character; leave it out`;
  } else {
    const problem = flagValueProblem(flag, value, version);
    if (problem) yield `${path}: ${JSON.stringify(value)} ${problem}`;
  }
}

function remedy(flag: string): string {
  const versions = flagVersions(flag);
  return versions === ""
    ? `no version from ${MINORS[0]} to ${MINORS[MINORS.length - 1]} knows it: check the spelling`
    : `it exists in ${versions}: leave it out`;
}

/**
 * Flags that cannot be used together, or that must match the certificates: otherwise etcd would not start, or the
 * members could not reach each other.
 */
export const flagsTogether: Rule = function* ({ props, settings: { extraFlags } }) {
  const given = (flag: string): string | undefined => {
    const value = extraFlags[flag];
    return isKnown(value) && typeof value === "string" && value !== "" ? value : undefined;
  };
  yield* experimentalTwice(extraFlags, given("feature-gates"));
  yield* leaseCheckpoints(given);
  yield* tlsVersions(given);

  const suites = given("cipher-suites")?.split(",");
  const key = (props.certificates?.keyType ?? KeyType.ECDSA_P256).algorithm;
  const needed = `TLS_ECDHE_${key}_WITH_AES_128_GCM_SHA256`;
  if (suites && given("tls-min-version") !== "TLS1.3" && !suites.includes(needed)) {
    yield `extraFlags["cipher-suites"]: lacks ${needed}, without which ${key} certificates cannot serve HTTP/2, which gRPC needs; add it`;
  }

  const allowed = given("peer-cert-allowed-cn");
  const commonName = props.certificates?.commonName ?? DEFAULT_PEER_COMMON_NAME;
  if (allowed !== undefined && isKnown(commonName) && !allowed.split(",").includes(commonName)) {
    yield `extraFlags["peer-cert-allowed-cn"]: "${allowed}" is not the common name of the members' certificates, so no member could reach another; use "${commonName}"`;
  }
  const hostName = given("peer-cert-allowed-hostname");
  const names = props.certificates?.dnsNames ?? [];
  if (hostName !== undefined && allowed !== undefined) {
    yield 'extraFlags["peer-cert-allowed-hostname"]: etcd does not accept it together with peer-cert-allowed-cn; use one of them';
  } else if (
    hostName !== undefined &&
    names.every(isKnown) &&
    !hostName.split(",").some((name) => names.includes(name))
  ) {
    yield `extraFlags["peer-cert-allowed-hostname"]: "${hostName}" is not in certificates.dnsNames, so no member could reach another; add it there`;
  }
};

/** The experimental flags that became feature gates. etcd exits if it gets both. */
const GATE_OF: { readonly [flag: string]: string } = {
  "experimental-stop-grpc-service-on-defrag": "StopGRPCServiceOnDefrag",
  "experimental-initial-corrupt-check": "InitialCorruptCheck",
  "experimental-compact-hash-check-enabled": "CompactHashCheck",
  "experimental-txn-mode-write-with-shared-buffer": "TxnModeWriteWithSharedBuffer",
  "experimental-enable-lease-checkpoint": "LeaseCheckpoint",
  "experimental-enable-lease-checkpoint-persist": "LeaseCheckpointPersist",
};

function* experimentalTwice(extraFlags: { [flag: string]: string }, gates?: string): Iterable<string> {
  for (const flag of Object.keys(extraFlags).filter((name) => name.startsWith("experimental-"))) {
    const plain = flag.replace("experimental-", "");
    if (extraFlags[plain] !== undefined) {
      yield `extraFlags["${flag}"]: etcd does not accept it together with ${plain}; leave it out`;
    }
    // etcd looks for the name anywhere in the text, so LeaseCheckpointPersist counts as LeaseCheckpoint, too.
    if (GATE_OF[flag] !== undefined && gates?.includes(GATE_OF[flag])) {
      yield `extraFlags["${flag}"]: etcd does not accept it together with the feature gate ${GATE_OF[flag]}; leave it out`;
    }
  }
}

function* leaseCheckpoints(given: (flag: string) => string | undefined): Iterable<string> {
  const gates = parseFeatureGates(given("feature-gates") ?? "") ?? new Map<string, string>();
  const on = (flag: string, gate: string) =>
    isTrue(given(flag) ?? "") || isTrue(gates.get(gate) ?? gates.get("AllAlpha") ?? "");
  if (
    on("experimental-enable-lease-checkpoint-persist", "LeaseCheckpointPersist") &&
    !on("experimental-enable-lease-checkpoint", "LeaseCheckpoint")
  ) {
    yield "extraFlags: etcd accepts persistent lease checkpoints (LeaseCheckpointPersist) only together with lease checkpoints (LeaseCheckpoint); enable both";
  }
}

function* tlsVersions(given: (flag: string) => string | undefined): Iterable<string> {
  const minimum = given("tls-min-version");
  if (minimum !== "TLS1.3") return;
  if (given("tls-max-version") === "TLS1.2") {
    yield 'extraFlags["tls-min-version"]: "TLS1.3" is above tls-max-version (TLS1.2); use "TLS1.2", or leave tls-max-version out';
  }
  if (given("cipher-suites") !== undefined) {
    yield 'extraFlags["cipher-suites"]: cannot be combined with tls-min-version TLS1.3: etcd would not start; leave it out';
  }
}

/** Props whose flag does not exist in the oldest version. */
export const propsOfVersion: Rule = function* (subject) {
  if (!versionIsKnown(subject)) return;
  const { settings } = subject;
  const flag = "listen-metrics-urls";
  if (settings.listenMetricsUrls !== undefined && !flagKnown(flag, settings.version)) {
    yield `listenMetricsUrls: etcd ${settings.version} has no --${flag} and would not start; the flag exists in ${flagVersions(flag)}: leave it out`;
  }
};

const METRICS_URL = /^https?:\/\/(\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):(\d+)$/;

export const metricsUrls: Rule = function* ({ settings }) {
  const urls = (settings.listenMetricsUrls ?? []).filter(isKnown);
  for (const [i, url] of (settings.listenMetricsUrls ?? []).entries()) {
    if (!isKnown(url)) continue;
    const path = `listenMetricsUrls[${i}]: "${url}"`;
    const [, host, port] = METRICS_URL.exec(url) ?? [];
    if (host === undefined || !isPort(Number(port)) || !isListenAddress(host)) {
      yield `${path} is not a URL that etcd can listen on; use a scheme, an IP address and a port, e.g. http://127.0.0.1:2381`;
    } else if ([settings.peerPort, settings.clientPort].includes(Number(port))) {
      yield `${path} uses the peer port or the client port; use another port, e.g. 2381`;
    } else if (
      settings.members.length > 1 &&
      settings.members.some(({ listenAddress }) => canonicalHost(host) === canonicalAddress(listenAddress))
    ) {
      yield `${path} has the address of one member, but every member gets this URL; use 0.0.0.0 or 127.0.0.1`;
    } else if (Number(port) < 1024 && isKnown(settings.user) && settings.user !== "root") {
      yield `${path} has a port below 1024, which only root may open, and etcd runs as "${settings.user}"; use e.g. 2381`;
    } else if (
      urls.some((other) => other !== url && collide(url, other)) ||
      urls.indexOf(url) !== urls.lastIndexOf(url)
    ) {
      yield `${path} has an address and a port that another of these URLs also covers, and etcd cannot open them twice; keep one of them`;
    }
  }
};

function isListenAddress(host: string): boolean {
  return host === "localhost" || isIpAddress(withoutBrackets(host));
}

/** The same text for every spelling of the host of a URL. */
function canonicalHost(host: string): string {
  return canonicalAddress(withoutBrackets(host));
}

/** Whether two URLs have the same port, and the same address or an address that stands for all addresses. */
function collide(url: string, other: string): boolean {
  const [, host, port] = METRICS_URL.exec(url) ?? [];
  const [, otherHost, otherPort] = METRICS_URL.exec(other) ?? [];
  const all = ["0.0.0.0", "[::]"];
  const [one, two] = [host, otherHost].map(canonicalHost);
  return port === otherPort && (one === two || all.includes(one) || all.includes(two));
}
