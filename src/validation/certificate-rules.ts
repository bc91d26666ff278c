import { DEFAULT_EARLY_RENEWAL_HOURS, DEFAULT_LEAF_VALIDITY_HOURS } from "../defaults";
import { isDnsName, isIpAddress } from "./formats";
import { isKnown, type Rule, unless } from "./problem";

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
};

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
