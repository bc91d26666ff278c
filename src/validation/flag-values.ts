import { FLAG_TYPES, type FlagType } from "../release/flag-types.generated";
import { atLeast } from "../release/version";
import { FIXED_FLAGS } from "../render/owned-flags";
import { isGoDuration, isTcpTarget } from "./formats";

/**
 * What is wrong with a flag's value; undefined if nothing is. The version is `X.Y.Z`, or undefined if it is not a known
 * one.
 */
export function flagValueProblem(flag: string, text: string, version?: string): string | undefined {
  return typeProblem(flag, text) ?? fixedProblem(flag, text) ?? FORMATS[flag]?.(text, version);
}

/** The values that Go's `strconv.ParseBool` accepts. */
const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];

/** Whether a valid value of a bool flag is true. */
export function isTrue(text: string): boolean {
  return TRUE.includes(text);
}

const TYPES: { readonly [type in FlagType]: readonly [legal: (text: string) => boolean, problem: string] } = {
  bool: [(text) => [...TRUE, ...FALSE].includes(text), 'is not a boolean; use "true" or "false"'],
  uint: [isUint, "is not a whole number; use digits only, e.g. 10000"],
  // etcd accepts negative numbers, but they have no meaning.
  int: [isUint, "is not a whole number; use digits only, e.g. 1000"],
  duration: [(text) => text === "0" || isGoDuration(text), "is not a Go duration; use e.g. 30s or 5m"],
  string: [(text) => text !== "", "is empty; set a value, or leave the flag out"],
};

function isUint(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) <= Number.MAX_SAFE_INTEGER;
}

function typeProblem(flag: string, text: string): string | undefined {
  const type = Object.prototype.hasOwnProperty.call(FLAG_TYPES, flag) ? FLAG_TYPES[flag] : "string";
  const [legal, problem] = TYPES[type];
  return legal(text) ? undefined : problem;
}

function fixedProblem(flag: string, text: string): string | undefined {
  const [value, otherwise] = FIXED_FLAGS[flag] ?? [];
  if (value === undefined || isTrue(text) === value) return undefined;
  return `is refused, because ${otherwise}; leave it out`;
}

type Format = (text: string, version?: string) => string | undefined;

const oneOf =
  (...values: string[]): Format =>
  (text) =>
    values.includes(text) ? undefined : `is not a value that etcd accepts; use one of ${values.join(", ")}`;

const within =
  (minimum: number, maximum: number): Format =>
  (text) =>
    Number(text) >= minimum && Number(text) <= maximum ? undefined : `is out of range; use ${minimum} to ${maximum}`;

const aboveZero: Format = (text) => (/[1-9]/.test(text) ? undefined : "is zero; use more, e.g. 1m");

const hostFile: Format = (text) =>
  /^\/[^\0,]+$/.test(text)
    ? undefined
    : "is not the absolute path of a file on the hosts; use e.g. /etc/etcd/revoked.crl";

const tcpTarget: Format = (text) =>
  isTcpTarget(text) ? undefined : "is not a host and a port; use e.g. 10.4.7.1:4317";

/**
 * Flags whose values must have a certain format, or be within limits. etcd checks this only when it starts, or silently
 * ignores a wrong value.
 */
const FORMATS: { readonly [flag: string]: Format | undefined } = {
  "auth-token": authToken,
  "backend-bbolt-freelist-type": oneOf("array", "map"),
  "bcrypt-cost": within(4, 31),
  "cipher-suites": cipherSuites,
  "client-crl-file": hostFile,
  "compact-hash-check-time": aboveZero,
  cors,
  "distributed-tracing-address": tcpTarget,
  "distributed-tracing-sampling-rate": within(0, 1_000_000),
  "experimental-backend-bbolt-freelist-type": oneOf("array", "map"),
  "experimental-compact-hash-check-time": aboveZero,
  "experimental-distributed-tracing-address": tcpTarget,
  "experimental-distributed-tracing-sampling-rate": within(0, 1_000_000),
  "feature-gates": featureGates,
  "log-format": oneOf("json", "console"),
  "log-level": oneOf("debug", "info", "warn", "error", "panic", "fatal"),
  "max-concurrent-streams": within(1, 4_294_967_295),
  // At least one, because a member joins as a learner.
  "max-learners": within(1, 7),
  // A deploy itself writes to etcd: with less, no member could take the turn, so no later deploy could change it back.
  "max-request-bytes": within(1024, 2_147_483_647),
  "max-txn-ops": within(1, 4_294_967_295),
  metrics: oneOf("basic", "extensive"),
  "peer-crl-file": hostFile,
  "tls-max-version": oneOf("TLS1.2", "TLS1.3"),
  "tls-min-version": oneOf("TLS1.2", "TLS1.3"),
  "v2-deprecation": v2Deprecation,
};

/** The later stages delete the data that were written through the v2 API. */
function v2Deprecation(text: string, version?: string): string | undefined {
  const stages = ["write-only", "write-only-skip-check"];
  if (version !== undefined && !atLeast(version, "3.6.0")) stages.unshift("not-yet");
  return oneOf(...stages)(text);
}

/** etcd before 3.4 accepts any URL. Since then, each URL must have a port. */
function cors(text: string): string | undefined {
  const origin = /^https?:\/\/(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):\d+$/;
  return text === "*" || text.split(",").every((part) => origin.test(part))
    ? undefined
    : 'is not a list of origins; use "*", or URLs with a port, separated by commas: https://app.example:443';
}

const SIGN_METHODS = /^(RS|PS|ES|HS)(256|384|512)$|^EdDSA$/;

function authToken(text: string): string | undefined {
  if (text === "simple") return undefined;
  const [kind, ...options] = text.split(",");
  const given = new Map(options.map((option) => option.split("=", 2) as [string, string]));
  const files = ["pub-key", "priv-key"].filter((key) => given.has(key));
  const legal =
    kind === "jwt" &&
    [...given.keys()].every((key) => ["sign-method", "pub-key", "priv-key", "ttl"].includes(key)) &&
    SIGN_METHODS.test(given.get("sign-method") ?? "") &&
    files.length > 0 &&
    files.every((key) => hostFile(given.get(key) ?? "") === undefined) &&
    isGoDuration(given.get("ttl") ?? "5m");
  return legal
    ? undefined
    : 'is not a type of token that etcd accepts; use "simple", or "jwt,sign-method=RS256,pub-key=/…,priv-key=/…" with absolute paths of files on the hosts';
}

/** The suites with which HTTP/2 works and nobody can listen in. The suites of TLS 1.3 cannot be chosen in etcd. */
const CIPHER_SUITE = /^TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305(_SHA256)?)$/;

function cipherSuites(text: string, version?: string): string | undefined {
  for (const suite of text.split(",")) {
    if (/^TLS_(AES|CHACHA20)_/.test(suite)) {
      return `names ${suite}, a suite of TLS 1.3, which cannot be chosen in etcd; leave it out`;
    }
    if (!CIPHER_SUITE.test(suite)) {
      return `names ${JSON.stringify(suite)}, which is unknown or weak; use TLS_ECDHE_… suites with AES_128_GCM_SHA256, AES_256_GCM_SHA384 or CHACHA20_POLY1305, separated by commas`;
    }
    if (version !== undefined && !atLeast(version, "3.5.0") && suite.endsWith("POLY1305_SHA256")) {
      return `names ${suite}; for etcd ${version}, use ${suite.replace(/_SHA256$/, "")}`;
    }
  }
  return undefined;
}

/**
 * The feature gates by the minor version that introduced them, from etcd's server/features. All of them still exist in
 * 3.7.
 */
const GATES: { readonly [minor: string]: readonly string[] } = {
  "3.6": [
    "AllAlpha",
    "AllBeta",
    "CompactHashCheck",
    "InitialCorruptCheck",
    "LeaseCheckpoint",
    "LeaseCheckpointPersist",
    "SetMemberLocalAddr",
    "StopGRPCServiceOnDefrag",
    "TxnModeWriteWithSharedBuffer",
  ],
  "3.7": ["FastLeaseKeepAlive", "PriorityRequest"],
};

/** `Name=true,Name=false` → the value of each gate; undefined if the text does not have that form. */
export function parseFeatureGates(text: string): Map<string, string> | undefined {
  const pairs = text.split(",").map((pair) => pair.trim().split("="));
  return pairs.every((pair) => pair.length === 2) ? new Map(pairs as [string, string][]) : undefined;
}

function featureGates(text: string, version?: string): string | undefined {
  const gates = parseFeatureGates(text);
  if (!gates || ![...gates.values()].every((value) => [...TRUE, ...FALSE].includes(value))) {
    return 'is not a list of feature gates; use "Name=true,Other=false"';
  }
  if (version === undefined) return undefined;
  const known = Object.entries(GATES).flatMap(([minor, names]) => (atLeast(version, `${minor}.0`) ? names : []));
  const unknown = [...gates.keys()].find((gate) => !known.includes(gate));
  return unknown === undefined
    ? undefined
    : `names ${JSON.stringify(unknown)}, which etcd ${version} does not know; use some of ${known.join(", ")}`;
}
