import type { Construct } from "constructs";
import type { CertificateOptions } from "./certificate-options";
import { CertificateAuthority } from "./certificate-authority";

/** The CAs of a cluster. */
export interface ClusterAuthorities {
  /** The CA that signs the leaf certificates. */
  readonly signing: CertificateAuthority;
  /** The CAs that members and clients trust; the signing one comes first. */
  readonly trusted: CertificateAuthority[];
}

/** Determines the CAs of a cluster. Creates the cluster's own CA, `ca` in `scope`, if that CA signs or is trusted. */
export function clusterAuthorities(scope: Construct, certificates: CertificateOptions = {}): ClusterAuthorities {
  const { authority, trustOwnAuthority = false, trustedAuthorities = [] } = certificates;
  const own = authority === undefined || trustOwnAuthority ? [new CertificateAuthority(scope, "ca")] : [];
  const [signing, ...others] = [...(authority ? [authority] : []), ...own, ...trustedAuthorities];
  return { signing, trusted: [signing, ...others] };
}
