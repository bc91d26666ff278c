import { Fn } from "cdktf";
import type { CertificateAuthority } from "./certificate-authority";

/**
 * The certificates of all trusted CAs, in PEM. The text depends only on the set of CAs, not on which of them signs, so
 * that nothing restarts when another one signs. With one CA, it is that CA's certificate, unchanged.
 */
export function trustBundle(authorities: readonly CertificateAuthority[]): string {
  if (authorities.length === 1) return authorities[0].certPem;
  // Terraform sorts them, because most of the texts are known only at apply. An imported certificate may lack the line
  // break at its end.
  const certificates = Fn.sort(authorities.map(({ certPem }) => Fn.trimspace(certPem)));
  return Fn.join("", [Fn.join("\n", certificates), "\n"]);
}

/** The SHA-256 digest of the bundle, in hex. With one CA, it equals that CA's `certSha256`. */
export function trustBundleSha256(authorities: readonly CertificateAuthority[]): string {
  return Fn.sha256(trustBundle(authorities));
}
