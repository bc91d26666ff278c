import { DEFAULT_EARLY_RENEWAL_HOURS, DEFAULT_LEAF_VALIDITY_HOURS } from "../pki/certificate-options";
import { isDnsName, isIpAddress } from "./formats";
import { isKnown, unless } from "./problem";

/** What a certificate says: the props of `certificates`, of a client's certificate, of a leaf of one's own. */
export interface CertificateFields {
  readonly commonName?: string;
  readonly organization?: string;
  readonly dnsNames?: string[];
  readonly ipAddresses?: string[];
  readonly validityHours?: number;
  readonly earlyRenewalHours?: number;
}

/** A hundred years; from 292 on the provider's clock overflows. */
const MAXIMUM_HOURS = 100 * 365 * 24;

/**
 * The rules that hold for every leaf certificate made here.
 *
 * @param prefix What stands before the names of the props: `certificates.`, or nothing.
 * @param authorityHours How long the CA is valid, where that is known.
 */
export function* leafProblems(prefix: string, fields: CertificateFields, authorityHours?: number): Iterable<string> {
  yield* validityProblems(prefix, fields.validityHours);
  yield* unless(
    `${prefix}earlyRenewalHours`,
    fields.earlyRenewalHours,
    (value) => Number.isInteger(value) && value >= 0,
    "is not a number of hours; give 0 or more",
  );
  yield* subjectProblems(prefix, fields);
  for (const [i, name] of (fields.dnsNames ?? []).entries()) {
    yield* unless(`${prefix}dnsNames[${i}]`, name, isDnsName, "is not a DNS name; give e.g. etcd.example.org");
  }
  for (const [i, address] of (fields.ipAddresses ?? []).entries()) {
    yield* unless(`${prefix}ipAddresses[${i}]`, address, isIpAddress, "is not an IP address; give e.g. 10.4.7.100");
  }
  yield* lifeProblems(prefix, fields, authorityHours);
}

/** Common name and organization, of a leaf or a CA; X.509 has room for 64 characters each. */
export function* subjectProblems(
  prefix: string,
  { commonName, organization }: Pick<CertificateFields, "commonName" | "organization">,
): Iterable<string> {
  const legal = (text: string) => typeof text === "string" && /^[^\p{Cc}]{1,64}$/u.test(text);
  yield* unless(`${prefix}commonName`, commonName, legal, "is not a common name; give 1 to 64 characters");
  yield* unless(`${prefix}organization`, organization, legal, "is not an organization; give 1 to 64 characters");
}

/** Validity of a leaf or a CA. */
export function* validityProblems(prefix: string, validityHours?: number): Iterable<string> {
  yield* unless(
    `${prefix}validityHours`,
    validityHours,
    (value) => Number.isInteger(value) && value >= 1,
    "is not a number of hours; give 1 or more",
  );
  yield* unless(
    `${prefix}validityHours`,
    validityHours,
    (value) => !Number.isInteger(value) || value <= MAXIMUM_HOURS,
    `is more than a hundred years; give ${MAXIMUM_HOURS} or less`,
  );
}

/** A renewal inside the life, or every apply would make a new certificate; a life inside the CA's, which ends all of its leaves. */
function* lifeProblems(prefix: string, fields: CertificateFields, authorityHours?: number): Iterable<string> {
  const validity = fields.validityHours ?? DEFAULT_LEAF_VALIDITY_HOURS;
  const renewal = fields.earlyRenewalHours ?? DEFAULT_EARLY_RENEWAL_HOURS;
  if (!isKnown(validity)) return;
  if (isKnown(renewal) && renewal >= validity) {
    yield `${prefix}earlyRenewalHours: ${renewal} is not less than validityHours (${validity}), so that every apply would renew; give less`;
  }
  if (authorityHours !== undefined && validity > authorityHours) {
    yield `${prefix}validityHours: ${validity} is more than the ${authorityHours} hours of the CA, with which the certificate ends; give ${authorityHours} or less, or the CA more`;
  }
}

/** @throws Error with every problem of a construct's props. */
export function throwProblems(kind: string, path: string, problems: Iterable<string>): void {
  const all = [...problems];
  if (all.length > 0) throw new Error(`${kind} "${path}" has invalid props:\n  - ${all.join("\n  - ")}`);
}
