import type { Construct } from "constructs";
import type { CertificateOptions } from "./certificate-options";
import { CertificateAuthority } from "./certificate-authority";

/** The CAs of a cluster. */
export interface ClusterAuthorities {
  /** The one that signs the leaf certificates. */
  readonly signing: CertificateAuthority;
  /** Those that members and clients trust, the signing one first. */
  readonly trusted: CertificateAuthority[];
}

/** Makes the cluster's own CA, `ca` in `scope`, where it signs or is trusted. */
export function clusterAuthorities(scope: Construct, certificates: CertificateOptions = {}): ClusterAuthorities {
  const { authority, trustOwnAuthority = false, trustedAuthorities = [] } = certificates;
  const own = authority === undefined || trustOwnAuthority ? [new CertificateAuthority(scope, "ca")] : [];
  const [signing, ...others] = [...(authority ? [authority] : []), ...own, ...trustedAuthorities];
  return { signing, trusted: [signing, ...others] };
}
