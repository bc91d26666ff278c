import { Token, Tokenization } from "cdktf";
import type { EtcdClusterProps } from "../settings";

/** `text`; an example of an object of a class; a list of something; or an object with certain fields. */
type Type = "text" | `${string}.${string}` | readonly [Type] | { readonly [field: string]: Type };

const SSH = {
  host: "text",
  user: "text",
  key: "SshKey.file(…)",
  hostKey: "text",
  bastionHost: "text",
  bastionUser: "text",
  bastionKey: "SshKey.file(…)",
  timeout: "text",
  scriptPath: "text",
} as const;

/**
 * What the rules take for granted; a field with `!` must be set. Numbers and booleans are not listed: their rules check
 * them by themselves.
 */
const PROPS: Type = {
  "members!": [
    { "name!": "text", "address!": "text", listenAddress: "text", hostName: "text", machine: "text", ssh: SSH },
  ],
  "ssh!": SSH,
  version: "text",
  user: "text",
  release: "EtcdRelease.mirror(…)",
  certificates: {
    authority: "CertificateAuthority.fromPem(…)",
    trustedAuthorities: ["CertificateAuthority.fromPem(…)"],
    commonName: "text",
    dnsNames: ["text"],
    ipAddresses: ["text"],
    keyType: "KeyType.ECDSA_P256",
  },
  listenMetricsUrls: ["text"],
  extraFlags: {},
  paths: { installRoot: "text", dataDir: "text", logDir: "text", supervisorProgramFile: "text" },
  ports: {},
  autoCompaction: "AutoCompaction.periodic(…)",
  backups: "EtcdBackups.onHosts(…)",
  defragmentation: "EtcdDefragmentation.onHosts(…)",
  restore: "EtcdRestore.fromFile(…)",
  operatorCredentials: { "directory!": "text", commonName: "text" },
};

const BACKUPS: Type = {
  every: "text",
  keep: "BackupRetention.last(…)",
  directory: "text",
  afterEach: { "command!": "text", timeout: "text" },
  textfileDirectory: "text",
};

/**
 * The props whose values are of another type. TypeScript and Python check this themselves; a program in JavaScript, or
 * one that reads its props from a file or from the environment, may contain anything. The other rules cannot check such
 * props.
 */
export function typeProblems(props: EtcdClusterProps): string[] {
  const found = [...problems("", props, PROPS)];
  return [...found, ...problems("backups", props.backups?._options, BACKUPS)];
}

function* problems(path: string, value: unknown, type: Type): Iterable<string> {
  // What only Terraform knows is checked by the other rules, but it cannot stand for an object of a class.
  if (value === undefined || (!isClass(type) && (Tokenization.isResolvable(value) || isToken(value)))) return;
  const say = (problem: string) => `${path}: ${typeof value === "number" ? value : JSON.stringify(value)} ${problem}`;
  if (value === null) {
    yield say("is not a value; leave it out");
  } else if (type === "text") {
    if (typeof value !== "string") yield say("is not a text; put it in quotes");
  } else if (isClass(type)) {
    // A secret may have been given in its place.
    if (!isInstance(value, type)) {
      yield `${path}: is ${typeof value === "object" ? "an object of another kind" : `a ${typeof value}`}; use ${type}`;
    }
  } else if (Array.isArray(type)) {
    if (!Array.isArray(value)) yield say("is not a list; put it in brackets");
    else for (const [i, item] of value.entries()) yield* mustBe(`${path}[${i}]`, item, (type as readonly [Type])[0]);
  } else if (typeof value !== "object" || Array.isArray(value)) {
    yield say("is not an object; use { … }");
  } else {
    for (const [key, fieldType] of Object.entries(type)) {
      const field = key.replace("!", "");
      const fieldPath = path === "" ? field : `${path}.${field}`;
      const fieldValue = (value as { [field: string]: unknown })[field];
      yield* (field === key ? problems : mustBe)(fieldPath, fieldValue, fieldType);
    }
  }
}

function* mustBe(path: string, value: unknown, type: Type): Iterable<string> {
  if (value === undefined || value === null) yield `${path}: is missing; set it`;
  else yield* problems(path, value, type);
}

type ClassType = Extract<Type, `${string}.${string}`>;

const isClass = (type: Type): type is ClassType => typeof type === "string" && type !== "text";

/** By the name of the class, because a program may have two copies of this package, whose objects are as good. */
function isInstance(value: unknown, type: ClassType): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { constructor } = value;
  return constructor?.name === type.split(".")[0] || isInstance(Object.getPrototypeOf(value), type);
}

const isToken = (value: unknown) => typeof value === "string" && Token.isUnresolved(value);
