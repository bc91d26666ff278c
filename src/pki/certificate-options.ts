import type { CertificateAuthority } from "./certificate-authority";
import type { KeyType } from "./key-type";

/**
 * The certificates of a cluster. A change of anything but the trusted CAs makes new leaf certificates, which etcd loads
 * without a restart (before 3.2.19, and from 3.3.0 to 3.3.3, with a rolling restart).
 */
export interface CertificateOptions {
  /**
   * The certificate authority that signs the leaf certificates: created in this program, shared with another cluster,
   * or imported.
   *
   * @default - the cluster creates a CertificateAuthority of its own
   */
  readonly authority?: CertificateAuthority;

  /**
   * Additional CAs whose certificates the members and the operator's credentials trust, besides those of `authority`.
   * They are used to change the CA without downtime. A change restarts the members one by one.
   *
   * @default - none
   */
  readonly trustedAuthorities?: CertificateAuthority[];

  /**
   * Whether to keep the CA that this construct created for itself, and to trust it, although `authority` names another
   * one. This is needed in the middle of a change of CA.
   *
   * @default false
   */
  readonly trustOwnAuthority?: boolean;

  /**
   * Whether all members use one peer certificate that contains the addresses of all of them, as in the runbook.
   *
   * @default false - one peer certificate per member, with only that member's SANs
   */
  readonly sharedPeerCertificate?: boolean;

  /**
   * Common name (CN) of the peer certificates.
   *
   * @default "k8s-etcd"
   */
  readonly commonName?: string;

  /**
   * Validity of the leaf certificates, in hours. It must be more than `earlyRenewalHours`, and no more than the
   * validity of the CA where that is known at synth.
   *
   * @default 87600 - ten years
   */
  readonly validityHours?: number;

  /**
   * How many hours before the end of a leaf certificate Terraform plans a new one.
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
   * Additional DNS names in every peer certificate, for example the name of a load balancer.
   *
   * @default - none
   */
  readonly dnsNames?: string[];

  /**
   * Additional IP addresses in every peer certificate, for example a virtual IP.
   *
   * @default - none
   */
  readonly ipAddresses?: string[];
}

/** The contents of a client certificate. */
export interface ClientCertificateOptions {
  /** Common name (CN). If etcd's authentication is enabled, this is the user name of the client. */
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
   * How many hours before the end of the certificate Terraform plans a new one.
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

/** The common names of the CA and of the peer certificates; the latter is the runbook's. */
export const DEFAULT_CA_COMMON_NAME = "etcd-ca";
export const DEFAULT_PEER_COMMON_NAME = "k8s-etcd";

/** Twenty years: a CA outlives every leaf that it signs. */
export const DEFAULT_CA_VALIDITY_HOURS = 20 * 365 * 24;
/** Ten years. */
export const DEFAULT_LEAF_VALIDITY_HOURS = 10 * 365 * 24;
/** Thirty days. */
export const DEFAULT_EARLY_RENEWAL_HOURS = 30 * 24;
