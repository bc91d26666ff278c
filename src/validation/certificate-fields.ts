import { DEFAULT_EARLY_RENEWAL_HOURS, DEFAULT_LEAF_VALIDITY_HOURS } from "../pki/certificate-options";
import { isDnsName, isIpAddress } from "./formats";
import { isKnown, unless } from "./problem";

/**
 * The fields of a certificate: those in the cluster's `certificates`, in a client certificate, or in a leaf certificate
 * that the program issues itself.
 */
export interface CertificateFields {
  readonly commonName?: string;
  readonly organization?: string;
  readonly dnsNames?: string[];
  readonly ipAddresses?: string[];
  readonly validityHours?: number;
  readonly earlyRenewalHours?: number;
}

/** A hundred years. From 292 years on, the provider's time calculation overflows. */
const MAXIMUM_HOURS = 100 * 365 * 24;

/**
 * The rules for every leaf certificate that this package creates.
 *
 * @param prefix What precedes the names of the props in messages: `certificates.`, or nothing.
 * @param authorityHours The validity of the CA in hours, where it is known.
 */
export function* leafProblems(prefix: string, fields: CertificateFields, authorityHours?: number): Iterable<string> {
  yield* validityProblems(prefix, fields.validityHours);
  yield* unless(
    `${prefix}earlyRenewalHours`,
    fields.earlyRenewalHours,
    (value) => Number.isInteger(value) && value >= 0,
    "is not a number of hours; use 0 or more",
  );
  yield* subjectProblems(prefix, fields);
  for (const [i, name] of (fields.dnsNames ?? []).entries()) {
    yield* unless(`${prefix}dnsNames[${i}]`, name, isDnsName, "is not a DNS name; use e.g. etcd.example.org");
  }
  for (const [i, address] of (fields.ipAddresses ?? []).entries()) {
    yield* unless(`${prefix}ipAddresses[${i}]`, address, isIpAddress, "is not an IP address; use e.g. 10.4.7.100");
  }
  yield* lifeProblems(prefix, fields, authorityHours);
}

/**
 * The rules for the common name and the organization of a leaf certificate or a CA. X.509 has room for 64 characters
 * each.
 */
export function* subjectProblems(
  prefix: string,
  { commonName, organization }: Pick<CertificateFields, "commonName" | "organization">,
): Iterable<string> {
  const legal = (text: string) => typeof text === "string" && /^[^\p{Cc}]{1,64}$/u.test(text);
  yield* unless(`${prefix}commonName`, commonName, legal, "is not a common name; use 1 to 64 characters");
  yield* unless(`${prefix}organization`, organization, legal, "is not an organization; use 1 to 64 characters");
}

/** The rules for the validity of a leaf certificate or a CA. */
export function* validityProblems(prefix: string, validityHours?: number): Iterable<string> {
  yield* unless(
    `${prefix}validityHours`,
    validityHours,
    (value) => Number.isInteger(value) && value >= 1,
    "is not a number of hours; use 1 or more",
  );
  yield* unless(
    `${prefix}validityHours`,
    validityHours,
    (value) => !Number.isInteger(value) || value <= MAXIMUM_HOURS,
    `is more than a hundred years; use ${MAXIMUM_HOURS} or less`,
  );
}

/**
 * The early renewal must be shorter than the validity, or every apply would issue a new certificate. The validity must
 * not be longer than the CA's, because a certificate ends with its CA.
 */
function* lifeProblems(prefix: string, fields: CertificateFields, authorityHours?: number): Iterable<string> {
  const validity = fields.validityHours ?? DEFAULT_LEAF_VALIDITY_HOURS;
  const renewal = fields.earlyRenewalHours ?? DEFAULT_EARLY_RENEWAL_HOURS;
  if (!isKnown(validity)) return;
  if (isKnown(renewal) && renewal >= validity) {
    yield `${prefix}earlyRenewalHours: ${renewal} is not less than validityHours (${validity}), so every apply would renew the certificate; use less`;
  }
  if (authorityHours !== undefined && validity > authorityHours) {
    yield `${prefix}validityHours: ${validity} is more than the ${authorityHours} hours of the CA, and a certificate ends with its CA; use ${authorityHours} or less, or a CA with a longer validity`;
  }
}

/**
 * The rules for the certificate and the private key of a CA, by the names of their props. The messages do not contain
 * the values, because they may be secrets.
 */
export function* pemProblems(certificate: Named, privateKey: Named): Iterable<string> {
  if (isKnown(certificate.pem) && PRIVATE_KEY.test(certificate.pem)) {
    yield `${certificate.prop}: contains a private key, which every host would get; use the certificate alone`;
  }
  if (isKnown(privateKey.pem) && PRIVATE_KEY.test(privateKey.pem)) {
    yield `${privateKey.prop}: a literal key would be written into the synthesized JSON; use a sensitive TerraformVariable or a data source`;
  }
}

interface Named {
  readonly prop: string;
  readonly pem: string;
}

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^"]*/;

/** @throws Error that lists every problem with a construct's props. A private key in one of them is not shown. */
export function throwProblems(kind: string, path: string, problems: Iterable<string>): void {
  const all = [...problems].map((problem) => problem.replace(new RegExp(PRIVATE_KEY, "g"), "<a private key>"));
  if (all.length > 0) throw new Error(`${kind} "${path}" has invalid props:\n  - ${all.join("\n  - ")}`);
}
