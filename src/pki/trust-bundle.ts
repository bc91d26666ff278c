import { Fn } from "cdktf";
import type { CertificateAuthority } from "./certificate-authority";

/**
 * The certificates of all CAs that are trusted, in PEM: one text for one set of CAs, whichever of them signs, so that nothing restarts
 * when another one signs. One CA's is its certificate, untouched.
 */
export function trustBundle(authorities: readonly CertificateAuthority[]): string {
  if (authorities.length === 1) return authorities[0].certPem;
  // Terraform sorts: most of the texts are known at apply only. An imported one may lack the line break at its end.
  const certificates = Fn.sort(authorities.map(({ certPem }) => Fn.trimspace(certPem)));
  return Fn.join("", [Fn.join("\n", certificates), "\n"]);
}

/** SHA-256 of the bundle, in hex; one CA's is its `certSha256`. */
export function trustBundleSha256(authorities: readonly CertificateAuthority[]): string {
  return Fn.sha256(trustBundle(authorities));
}
