import { Fn, type IResolvable, Op, ref, type TerraformCondition, Token, Tokenization } from "cdktf";
import type { CertificateOptions } from "../pki/certificate-options";
import type { ClusterSettings, SshOptions } from "../settings";
import { archiveUrlFact } from "../provision/archive-url";
import { NOT_A_PLAIN_PATH, PLAIN_PATH, PROGRAM_FILE, SCRIPT_PATH, SYSTEM_USER } from "./formats";
import { isListToken, isPlainObject, type Subject } from "./problem";

/**
 * Terraform conditions for the values of the props that are known only at apply. Such a value becomes part of scripts that
 * root runs, between single quotes; with a quote of its own, it could end them. What stands for a number may be a text,
 * too. Every other rule needs the value at synth.
 */
export function lateValueConditions({ props, settings }: Subject): TerraformCondition[] {
  const { amd64, arm64 } = settings.release._digests(settings.version);
  const inObjects = {
    release: archiveUrlFact(settings),
    "release.sha256": amd64,
    "release.sha256Arm64": arm64,
    autoCompaction: settings.autoCompaction?._retention,
    backups: { ...props.backups?._options },
  };
  const inScripts = [...lateValues("", { ...props, ...inObjects })].map(({ path, value, format }) => {
    const [pattern, problem] = format ?? [];
    return pattern === undefined
      ? {
          condition: lacks("['[:cntrl:]]", value),
          errorMessage: `${path}: the value has a single quote or a control character; use one without`,
        }
      : { condition: whereTrue(Fn.can(Fn.regex(pattern, value))), errorMessage: `${path}: the value ${problem}` };
  });
  return [...inScripts, ...distinctAddresses(settings), ...[...lateAuthorities(props.certificates)].map(withoutKey)];
}

/** Synth finds two members with the same address only if it is the same text, or the same token, in both. */
function* distinctAddresses({ members }: ClusterSettings): Iterable<TerraformCondition> {
  const addresses = members.map(({ listenAddress }) => listenAddress);
  if (!addresses.some((address) => Token.isUnresolved(address))) return;
  yield {
    condition: whereTrue(Op.eq(Fn.lengthOf(Fn.distinct(addresses)), addresses.length)),
    errorMessage: "members: two of them have the same address; use another address for one of them",
  };
}

function lacks(pattern: string, value: string): IResolvable {
  return whereTrue(Op.not(Fn.can(Fn.regex(pattern, value))));
}

/** Terraform refuses a condition that refers to nothing, as the text of a file does, so each one refers to the module. */
function whereTrue(condition: unknown): IResolvable {
  return Op.and(condition, Op.neq(ref("path.module"), "?"));
}

/** What a text must be where another one does harm on a host, and the problem otherwise. It has no quote, either. */
type Format = readonly [pattern: string, problem: string];

/**
 * An address becomes a part of URLs, in which an IPv6 address needs brackets. It is empty, or a network, where a machine
 * does not know its address yet or says more than that.
 */
const FORMATS: { readonly [path: string]: Format | undefined } = {
  address: [
    "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
    "is neither an IPv4 address nor a DNS name; use one of these, or a literal for an IPv6 address",
  ],
  listenAddress: ["^[0-9]+([.][0-9]+){3}$", "is not an IPv4 address; use one, or a literal for an IPv6 address"],
  user: [SYSTEM_USER, "is not a valid name for a system user; use e.g. etcd"],
  removalPolicy: ["^(retain|destroy)$", 'is not a removal policy; use "retain" or "destroy"'],
  "paths.installRoot": [PLAIN_PATH, NOT_A_PLAIN_PATH],
  "paths.dataDir": [PLAIN_PATH, NOT_A_PLAIN_PATH],
  "paths.logDir": [PLAIN_PATH, NOT_A_PLAIN_PATH],
  "paths.supervisorProgramFile": [PROGRAM_FILE, "is not a plain file name; use e.g. etcd-server"],
  "backups.directory": [PLAIN_PATH, NOT_A_PLAIN_PATH],
  "backups.textfileDirectory": [PLAIN_PATH, NOT_A_PLAIN_PATH],
  "ssh.scriptPath": [SCRIPT_PATH, "is not a path that Terraform can use; use e.g. /root/terraform_%RAND%.sh"],
};

const WHOLE_NUMBER: Format = ["^[0-9]+$", "is not a whole number; use one"];

const formatOf = (path: string) => FORMATS[path.replace(/^members\[\d+\]\./, "")];

/** A file may have both, the certificate and after it the key, and the provider reads the first. */
function withoutKey({ path, value }: LateValue): TerraformCondition {
  return {
    condition: lacks("PRIVATE KEY", value),
    errorMessage: `${path}: the CA's certificate has a private key beside it, which every host would get; use the certificate alone`,
  };
}

/** The certificates of CAs that were made elsewhere. */
function* lateAuthorities({ authority, trustedAuthorities = [] }: CertificateOptions = {}): Iterable<LateValue> {
  const all = { authority, ...Object.fromEntries(trustedAuthorities.map((ca, i) => [`trustedAuthorities[${i}]`, ca])) };
  for (const [name, ca] of Object.entries(all)) {
    if (ca?._imported && Token.isUnresolved(ca.certPem)) yield { path: `certificates.${name}`, value: ca.certPem };
  }
}

interface LateValue {
  readonly path: string;
  readonly value: string;
  readonly format?: Format;
}

/** No script has it as it is. */
const NOT_IN_SCRIPTS = ["machine"];

/** All tokens in values that may become part of a script. Objects of classes, such as CAs, are not looked into. */
function* lateValues(path: string, value: unknown): Iterable<LateValue> {
  if (typeof value === "string") {
    if (isListToken(value)) return;
    const format = formatOf(path);
    if (format !== undefined) {
      if (Token.isUnresolved(value)) yield { path, value: joined(value), format };
      return;
    }
    for (const token of Tokenization.reverseString(value).tokens) yield { path, value: Token.asString(token) };
  } else if (typeof value === "number" && Token.isUnresolved(value)) {
    yield { path, value: Token.asString(Tokenization.reverseNumber(value)), format: WHOLE_NUMBER };
  } else if (Tokenization.isResolvable(value)) {
    yield { path, value: Token.asString(value) };
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* lateValues(`${path}[${i}]`, item);
  } else if (isPlainObject(value)) {
    for (const [field, item] of Object.entries(value)) {
      if (NOT_IN_SCRIPTS.includes(field)) continue;
      const fieldPath = path === "" ? field : `${path}.${field}`;
      // No script has the other settings of SSH, and a host key may end in a line break.
      yield* lateValues(fieldPath, field === "ssh" ? { scriptPath: (item as SshOptions).scriptPath } : item);
    }
  }
}

/** A text with tokens in it, as an argument of a function: CDKTF warns of one that it would have to put together itself. */
function joined(text: string): string {
  const parts = text.split(/(\$\{TfToken\[[^\]]+\]\})/).filter((part) => part !== "");
  return parts.length > 1 ? Fn.join("", parts) : text;
}
