import { Token } from "cdktf";
import { KeyType } from "../../src/pki/key-type";
import type { EtcdClusterProps } from "../../src/settings";
import { FLAG_TYPES } from "../../src/release/flag-types.generated";
import { FLAGS } from "../../src/release/flags.generated";
import { FIXED_FLAGS, OWNED_FLAGS } from "../../src/render/owned-flags";
import { validateProps } from "../../src/validation/validate-props";
import { RUNBOOK } from "../support/settings";

const errors = (props: Partial<EtcdClusterProps>) => validateProps({ ...RUNBOOK, ...props }).errors;
const flags = (extraFlags: { [flag: string]: string }, props: Partial<EtcdClusterProps> = {}) =>
  errors({ extraFlags, ...props });

/** For each type of flag, a value that etcd cannot parse. */
const ILLEGAL = { bool: "yes", uint: "-1", int: "1.5", duration: "5", string: "" };

test("every flag of every version is owned by a prop or a deploy, or has a type", () => {
  const unknown = Object.keys(FLAGS).filter((flag) => !OWNED_FLAGS[flag] && !FLAG_TYPES[flag]);
  expect(unknown).toEqual([]);
});

test.each(Object.keys(FLAGS).filter((flag) => !OWNED_FLAGS[flag] && FLAG_TYPES[flag]))(
  "a value of the wrong type is refused: --%s",
  (flag) => {
    const versions = ["3.1.20", "3.2.32", "3.3.27", "3.4.31", "3.5.33", "3.6.14", "3.7.1"];
    const version = versions.find((text) => FLAGS[flag][text.slice(0, 3)]) ?? "";
    const problems = flags({ [flag]: ILLEGAL[FLAG_TYPES[flag]] }, { version, release: undefined });
    expect(problems.filter((line) => line.startsWith(`extraFlags["${flag}"]: "`))).toHaveLength(1);
  },
);

test.each([...Object.keys(FIXED_FLAGS), "max-request-bytes", "max-txn-ops", "v2-deprecation"])(
  "--%s, which could lose data or lock out later deploys, must be known at synth",
  (flag) => {
    const version = flag === "strict-reconfig-check" || flag === "pre-vote" ? "3.5.33" : undefined;
    const problems = flags({ [flag]: Token.asString({ resolve: () => "" }) }, { version });
    expect(problems).toEqual([`extraFlags["${flag}"]: a token is known only at apply; use a literal`]);
  },
);

test("a flag without a value is refused", () => {
  expect(flags({ "log-level": undefined as unknown as string })).toEqual([
    'extraFlags["log-level"]: is missing; set it, or leave the flag out',
  ]);
});

test.each([
  // These flags open a listener or weaken TLS.
  ["listen-client-http-urls", "3.6.14"],
  ["socket-reuse-port", "3.6.14"],
  ["client-cert-file", "3.6.14"],
  ["peer-client-cert-file", "3.6.14"],
  ["peer-skip-client-san-verification", "3.6.14"],
  ["experimental-peer-skip-client-san-verification", "3.5.33"],
  ["client-cert-allowed-hostname", "3.6.14"],
  ["experimental-enable-v2v3", "3.5.33"],
  ["self-signed-cert-validity", "3.6.14"],
  // These flags take the members from elsewhere, or put the log or the data elsewhere.
  ["discovery-srv-name", "3.6.14"],
  ["discovery-token", "3.6.14"],
  ["discovery-fallback", "3.5.33"],
  ["proxy-read-timeout", "3.5.33"],
  ["log-rotation-config-json", "3.6.14"],
  ["wal-dir", "3.6.14"],
])("--%s cannot be set in extraFlags", (flag, version) => {
  expect(flags({ [flag]: "true" }, { version })).toEqual([
    expect.stringMatching(`^extraFlags\\["${flag}"\\]: cannot be set here; `),
  ]);
});

test.each(Object.entries(FIXED_FLAGS))(
  "--%s is refused with the value that breaks a guarantee of the package",
  (flag, [value]) => {
    expect(flags({ [flag]: String(value) })).toEqual([]);
    expect(flags({ [flag]: value ? "F" : "1" })).toEqual([
      expect.stringMatching(/ is refused, because .*; leave it out$/),
    ]);
  },
);

const ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
const RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

test.each<[title: string, extraFlags: { [flag: string]: string }, problem: RegExp, props?: Partial<EtcdClusterProps>]>([
  [
    "no suite for HTTP/2",
    { "cipher-suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
    /lacks TLS_ECDHE_ECDSA_WITH_AES_128_GCM/,
  ],
  [
    "only a suite for RSA keys while the keys are ECDSA",
    { "cipher-suites": RSA },
    /lacks TLS_ECDHE_ECDSA_WITH_AES_128_GCM/,
  ],
  [
    "only a suite for ECDSA keys while the keys are RSA",
    { "cipher-suites": ECDSA },
    /lacks TLS_ECDHE_RSA_/,
    { certificates: { keyType: KeyType.RSA_2048 } },
  ],
  [
    "a weak suite",
    { "cipher-suites": `${ECDSA},TLS_RSA_WITH_RC4_128_SHA` },
    /names "TLS_RSA_WITH_RC4_128_SHA", which is unknown or weak/,
  ],
  ["a suite of TLS 1.3", { "cipher-suites": `${ECDSA},TLS_AES_128_GCM_SHA256` }, /a suite of TLS 1\.3/],
  [
    "the newer name of a suite",
    { "cipher-suites": `${ECDSA},TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256` },
    /for etcd 3\.3\.27, use TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305$/,
    { version: "3.3.27" },
  ],
  [
    "cipher suites with TLS 1.3 only",
    { "cipher-suites": ECDSA, "tls-min-version": "TLS1.3" },
    /cannot be combined with tls-min-version TLS1\.3/,
  ],
  [
    "an old version of TLS",
    { "tls-min-version": "TLS1.0" },
    /is not a value that etcd accepts; use one of TLS1\.2, TLS1\.3/,
  ],
  [
    "a minimum TLS version above the maximum",
    { "tls-min-version": "TLS1.3", "tls-max-version": "TLS1.2" },
    /is above tls-max-version/,
  ],
  [
    "a common name that the members' certificates do not have",
    { "peer-cert-allowed-cn": "etcd" },
    /no member could reach another; use "k8s-etcd"$/,
  ],
  [
    "a host name that no certificate has",
    { "peer-cert-allowed-hostname": "etcd.example" },
    /is not in certificates\.dnsNames/,
  ],
  [
    "a feature gate of another version",
    { "feature-gates": "FastLeaseKeepAlive=true" },
    /which etcd 3\.6\.14 does not know; use some of AllAlpha/,
  ],
  [
    "a misspelt feature gate",
    { "feature-gates": "InitialCorruptChek=true" },
    /names "InitialCorruptChek", which etcd 3\.6\.14/,
  ],
  ["a feature gate without a value", { "feature-gates": "InitialCorruptCheck" }, /is not a list of feature gates/],
  [
    "a feature gate together with its old flag",
    { "feature-gates": "InitialCorruptCheck=true", "experimental-initial-corrupt-check": "true" },
    /not accept it together with the feature gate InitialCorruptCheck; leave it out$/,
  ],
  [
    "a flag together with its old name",
    { "corrupt-check-time": "1h", "experimental-corrupt-check-time": "1h" },
    /not accept it together with corrupt-check-time; leave it out$/,
  ],
  [
    "only one of the two settings for lease checkpoints",
    { "feature-gates": "LeaseCheckpointPersist=true" },
    /enable both$/,
  ],
  ["a token without a signing method", { "auth-token": "jwt,pub-key=/a" }, /is not a type of token that etcd accepts/],
  [
    "a token with a relative path",
    { "auth-token": "jwt,sign-method=RS256,priv-key=a.key" },
    /absolute paths of files on the hosts$/,
  ],
  ["a relative CRL", { "peer-crl-file": "revoked.crl" }, /is not the absolute path of a file on the hosts/],
  ["an unknown log level", { "log-level": "trace" }, /use one of debug, info/],
  [
    "requests too small for the keys that a deploy writes",
    { "max-request-bytes": "1023" },
    /is out of range; use 1024 to 2147483647$/,
  ],
  ["a maximum of 0 learners", { "max-learners": "0" }, /is out of range/],
  [
    "transactions without any operation, which would be the last change",
    { "max-txn-ops": "0" },
    /is out of range; use 1 to/,
  ],
  ["an origin without a port", { cors: "https://app.example" }, /is not a list of origins/],
  [
    "a v2 deprecation that drops data",
    { "v2-deprecation": "write-only-drop-data" },
    /use one of write-only, write-only-skip-check$/,
  ],
  ["a tracing address without a port", { "distributed-tracing-address": "collector" }, /is not a host and a port/],
  [
    "a boolean instead of a string",
    { "enable-pprof": true as unknown as string },
    /: true is not a string; put it in quotes: "true"$/,
  ],
])("refused: %s", (...[, extraFlags, problem, props]) => {
  const problems = flags(extraFlags, props).filter((line) => line.startsWith("extraFlags"));
  expect(problems).toEqual([expect.stringMatching(problem)]);
});

test("valid values of all kinds are accepted", () => {
  expect(
    flags(
      {
        "auth-token": "jwt,sign-method=ES256,pub-key=/etc/etcd/jwt.pub,priv-key=/etc/etcd/jwt.key,ttl=10m",
        "cipher-suites": `${ECDSA},${RSA},TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256`,
        "client-crl-file": "/etc/etcd/revoked.crl",
        cors: "https://a.example:443,http://[::1]:8080",
        "corrupt-check-time": "0",
        "distributed-tracing-address": "10.4.7.1:4317",
        "enable-pprof": "T",
        "feature-gates": "InitialCorruptCheck=true, CompactHashCheck=1",
        "grpc-keepalive-min-time": "5s",
        "log-level": "debug",
        "max-request-bytes": "1572864",
        metrics: "extensive",
        "peer-cert-allowed-cn": "k8s-etcd",
        "tls-min-version": "TLS1.2",
        "v2-deprecation": "write-only",
      },
      { version: "3.6.14" },
    ),
  ).toEqual([]);
});

test.each<[title: string, listenMetricsUrls: string[], problem: RegExp]>([
  ["the same URL twice", ["http://127.0.0.1:2381", "http://127.0.0.1:2381"], /cannot open them twice/],
  ["a URL that another one includes", ["http://127.0.0.1:2381", "http://0.0.0.0:2381"], /cannot open them twice/],
  ["a privileged port", ["http://127.0.0.1:981"], /only root may open, and etcd runs as "etcd"/],
  ["a port out of range", ["http://127.0.0.1:70000"], /is not a URL that etcd can listen on/],
  ["an invalid address", ["http://300.0.0.1:2381"], /is not a URL that etcd can listen on/],
])("listenMetricsUrls: %s is refused", (_, listenMetricsUrls, problem) => {
  const problems = errors({ listenMetricsUrls });
  expect(problems).not.toEqual([]);
  for (const line of problems) expect(line).toMatch(problem);
});
