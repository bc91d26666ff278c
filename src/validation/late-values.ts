import { Fn, type IResolvable, Op, ref, type TerraformCondition, Token, Tokenization } from "cdktf";
import type { CertificateOptions } from "../pki/certificate-options";
import { archiveUrlFact } from "../provision/archive-url";
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
  const inScripts = [...lateValues("", { ...props, ...inObjects })].map(({ path, value }) => ({
    condition: lacks("['[:cntrl:]]", value),
    errorMessage: `${path}: the value has a single quote or a control character; use one without`,
  }));
  return [...inScripts, ...[...lateAuthorities(props.certificates)].map(withoutKey)];
}

/** Terraform refuses a condition that refers to nothing, as the text of a file does, so each one refers to the module. */
function lacks(pattern: string, value: string): IResolvable {
  return Op.and(Op.not(Fn.can(Fn.regex(pattern, value))), Op.neq(ref("path.module"), "?"));
}

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
}

/** No script has these as they are, and a host key may end in a line break. */
const NOT_IN_SCRIPTS = ["ssh", "machine"];

/** All tokens in values that may become part of a script. Objects of classes, such as CAs, are not looked into. */
function* lateValues(path: string, value: unknown): Iterable<LateValue> {
  if (typeof value === "string") {
    if (isListToken(value)) return;
    for (const token of Tokenization.reverseString(value).tokens) yield { path, value: Token.asString(token) };
  } else if (typeof value === "number" && Token.isUnresolved(value)) {
    yield { path, value: Token.asString(Tokenization.reverseNumber(value)) };
  } else if (Tokenization.isResolvable(value)) {
    yield { path, value: Token.asString(value) };
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* lateValues(`${path}[${i}]`, item);
  } else if (isPlainObject(value)) {
    for (const [field, item] of Object.entries(value)) {
      if (NOT_IN_SCRIPTS.includes(field)) continue;
      yield* lateValues(path === "" ? field : `${path}.${field}`, item);
    }
  }
}
