import { DEFAULT_EARLY_RENEWAL_HOURS, DEFAULT_LEAF_VALIDITY_HOURS } from "../defaults";
import type { CertificateOptions } from "../props";
import { isDnsName, isIpAddress } from "./formats";
import { duplicates, isKnown, type Rule, unless } from "./problem";

export const certificates: Rule = function* ({ props: { certificates = {} } }) {
  const hours = (minimum: number) => (value: number) => Number.isInteger(value) && value >= minimum;
  yield* unless(
    "certificates.validityHours",
    certificates.validityHours,
    hours(1),
    "is not a number of hours; give 1 or more",
  );
  yield* unless(
    "certificates.earlyRenewalHours",
    certificates.earlyRenewalHours,
    hours(0),
    "is not a number of hours; give 0 or more",
  );
  yield* unless(
    "certificates.commonName",
    certificates.commonName,
    (text) => text.length >= 1 && text.length <= 64,
    "is not a common name; give 1 to 64 characters",
  );
  for (const [i, name] of (certificates.dnsNames ?? []).entries()) {
    yield* unless(`certificates.dnsNames[${i}]`, name, isDnsName, "is not a DNS name; give e.g. etcd.example.org");
  }
  for (const [i, address] of (certificates.ipAddresses ?? []).entries()) {
    yield* unless(`certificates.ipAddresses[${i}]`, address, isIpAddress, "is not an IP address; give e.g. 10.4.7.100");
  }
  yield* authorities(certificates);
};

function* authorities({ authority, trustOwnAuthority, trustedAuthorities = [] }: CertificateOptions): Iterable<string> {
  if (trustOwnAuthority && authority === undefined) {
    yield "certificates.trustOwnAuthority: has no effect without authority, since the own CA signs; give authority too, or leave it out";
  }
  const named = trustedAuthorities.map((trusted, i) => ({ name: `trustedAuthorities[${i}]`, trusted }));
  yield* duplicates(
    [...(authority ? [{ name: "authority", trusted: authority }] : []), ...named],
    // One CA may be imported twice, with or without a line break at its end.
    ({ trusted }) => trusted.certPem.trim(),
    ({ name }, first) =>
      `certificates.${name}: is the same CA as ${first.name}${first.name === "authority" ? ", which is trusted anyway" : ""}; leave it out`,
  );
}

/** Else each apply would make new certificates. */
export const renewal: Rule = function* ({ props: { certificates = {} } }) {
  const validity = certificates.validityHours ?? DEFAULT_LEAF_VALIDITY_HOURS;
  const renewal = certificates.earlyRenewalHours ?? DEFAULT_EARLY_RENEWAL_HOURS;
  if (isKnown(validity) && isKnown(renewal) && renewal >= validity) {
    yield `certificates.earlyRenewalHours: ${renewal} is not less than validityHours (${validity}), so that every apply would renew; give less`;
  }
};

export const operatorCredentials: Rule = function* ({ props }) {
  yield* unless(
    "operatorCredentials.directory",
    props.operatorCredentials?.directory,
    (text) => text !== "",
    'is not a directory; give e.g. "credentials"',
  );
};
