import { type CertificateOptions, DEFAULT_CA_VALIDITY_HOURS } from "../pki/certificate-options";
import { leafProblems, subjectProblems } from "./certificate-fields";
import { duplicates, type Rule, unless } from "./problem";

export const certificates: Rule = function* ({ props: { certificates = {} } }) {
  const authorityHours = certificates.authority ? certificates.authority._validityHours : DEFAULT_CA_VALIDITY_HOURS;
  yield* leafProblems("certificates.", certificates, authorityHours);
  yield* authorities(certificates);
};

function* authorities({ authority, trustOwnAuthority, trustedAuthorities = [] }: CertificateOptions): Iterable<string> {
  if (trustOwnAuthority && authority === undefined) {
    yield "certificates.trustOwnAuthority: has no effect without authority, because the cluster's own CA signs in any case; set authority, too, or leave this out";
  }
  const named = trustedAuthorities.map((trusted, i) => ({ name: `trustedAuthorities[${i}]`, trusted }));
  yield* duplicates(
    [...(authority ? [{ name: "authority", trusted: authority }] : []), ...named],
    // The same CA may be imported twice, once with and once without a line break at its end.
    ({ trusted }) => trusted.certPem.trim(),
    ({ name }, first) =>
      `certificates.${name}: is the same CA as ${first.name}${first.name === "authority" ? ", which is trusted anyway" : ""}; leave it out`,
  );
}

export const operatorCredentials: Rule = function* ({ props }) {
  yield* unless(
    "operatorCredentials.directory",
    props.operatorCredentials?.directory,
    (text) => text !== "" && !/\p{Cc}/u.test(text),
    'is not a directory; use e.g. "credentials"',
  );
  yield* unless(
    "operatorCredentials.directory",
    props.operatorCredentials?.directory,
    (text) => !text.includes("'") && !/^~[^/\\]/.test(text),
    "cannot be written into etcdctl.env; use a path without single quotes, and without a user name after ~",
  );
  yield* subjectProblems("operatorCredentials.", props.operatorCredentials ?? {});
};
