import type { CertificateAuthority } from "./certificate-authority";
import type { KeyType } from "./key-type";

/** The cluster's certificates. */
export interface CertificateOptions {
  /**
   * The certificate authority that signs the leaf certificates: made here, shared with another cluster, or imported.
   *
   * @default - a CertificateAuthority of this cluster's own
   */
  readonly authority?: CertificateAuthority;

  /**
   * Further CAs whose certificates the members and the operator's credentials trust, beside `authority`:
   * for changing the CA without downtime.
   *
   * @default - none
   */
  readonly trustedAuthorities?: CertificateAuthority[];

  /**
   * Keeps the CA that this construct made for itself, and trusts it, although `authority` names another:
   * for the middle of a change of CA.
   *
   * @default false
   */
  readonly trustOwnAuthority?: boolean;

  /**
   * Whether all members use one peer certificate that holds the addresses of all of them, as the runbook does.
   *
   * @default false - one peer certificate a member, with that member's SANs only
   */
  readonly sharedPeerCertificate?: boolean;

  /**
   * Common name (CN) of the peer certificates.
   *
   * @default "k8s-etcd"
   */
  readonly commonName?: string;

  /**
   * Validity of leaf certificates, in hours: more than `earlyRenewalHours`, and no more than that of the CA, where that is known at synth.
   *
   * @default 87600 - ten years
   */
  readonly validityHours?: number;

  /**
   * Hours before its end at which Terraform plans a new leaf certificate.
   *
   * @default 720 - thirty days
   */
  readonly earlyRenewalHours?: number;

  /**
   * Type of the leaf certificates' keys.
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;

  /**
   * Further DNS names in every peer certificate, for example that of a load balancer.
   *
   * @default - none
   */
  readonly dnsNames?: string[];

  /**
   * Further IP addresses in every peer certificate, for example a virtual IP.
   *
   * @default - none
   */
  readonly ipAddresses?: string[];
}

/** What a client certificate says. */
export interface ClientCertificateOptions {
  /** Common name (CN); with etcd's authentication switched on, it is the client's user name. */
  readonly commonName: string;

  /**
   * Organization (O).
   *
   * @default - none
   */
  readonly organization?: string;

  /**
   * Validity, in hours from the apply that signs it.
   *
   * @default 87600 - ten years
   */
  readonly validityHours?: number;

  /**
   * Hours before its end at which Terraform plans a new certificate.
   *
   * @default 720 - thirty days
   */
  readonly earlyRenewalHours?: number;

  /**
   * Type of the private key.
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;
}

/** Common names: of the CA, and of the peer certificates (the runbook's). */
export const DEFAULT_CA_COMMON_NAME = "etcd-ca";
export const DEFAULT_PEER_COMMON_NAME = "k8s-etcd";

/** Twenty years: a CA outlives every leaf that it signs. */
export const DEFAULT_CA_VALIDITY_HOURS = 20 * 365 * 24;
/** Ten years. */
export const DEFAULT_LEAF_VALIDITY_HOURS = 10 * 365 * 24;
/** Thirty days. */
export const DEFAULT_EARLY_RENEWAL_HOURS = 30 * 24;
