import { CertRequest } from "@cdktf/provider-tls/lib/cert-request";
import { LocallySignedCert } from "@cdktf/provider-tls/lib/locally-signed-cert";
import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { Fn, Op, Token } from "cdktf";
import { Construct } from "constructs";
import { DEFAULT_EARLY_RENEWAL_HOURS, DEFAULT_LEAF_VALIDITY_HOURS } from "./certificate-options";
import { checkId } from "../construct-id";
import { leafProblems, throwProblems } from "../validation/certificate-fields";
import type { CertificateProfile } from "./certificate-profile";
import { KeyType } from "./key-type";
import { ensureTlsProvider } from "./provider";
import { subject } from "./subject";

/** What a leaf certificate says. */
export interface LeafCertificateOptions {
  /** What the certificate may be used for. */
  readonly profile: CertificateProfile;

  /** Common name (CN) of the subject; with etcd's authentication switched on, a client's CN is its user name. */
  readonly commonName: string;

  /**
   * Organization (O) of the subject.
   *
   * @default - none
   */
  readonly organization?: string;

  /**
   * DNS names (SANs). Their order does not matter.
   *
   * @default - none
   */
  readonly dnsNames?: string[];

  /**
   * IP addresses (SANs), no brackets. Their order does not matter.
   *
   * @default - none
   */
  readonly ipAddresses?: string[];

  /**
   * Validity, in hours from the apply that signs it.
   *
   * @default 87600 - ten years
   */
  readonly validityHours?: number;

  /**
   * Hours before its end at which Terraform plans a new certificate for the same key.
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

/** Input of `LeafCertificate`. */
export interface LeafCertificateProps extends LeafCertificateOptions {
  /** Certificate of the CA that signs, in PEM. */
  readonly caCertPem: string;

  /** Private key of the CA that signs, in PEM. */
  readonly caPrivateKeyPem: string;

  /**
   * When the CA's certificate ends, as RFC 3339 has it. No certificate is good for longer than its CA.
   *
   * @default - `validityEndTime` is the leaf's own end
   */
  readonly caValidityEndTime?: string;
}

/**
 * A private key and its certificate, signed by a CA: key → CSR → certificate.
 *
 * `CertificateAuthority.issue()` makes one. The key is in the Terraform state: keep the state where secrets may be.
 */
export class LeafCertificate extends Construct {
  /** The certificate, in PEM. */
  public readonly certPem: string;

  /** The private key, in PEM; sensitive: never put it into a trigger or a command line. */
  public readonly privateKeyPem: string;

  /** SHA-256 of `certPem`, in hex: what a trigger may hold, since it is no secret. */
  public readonly certSha256: string;

  /**
   * When the certificate ends, or its CA if that is earlier, as RFC 3339 has it (`2035-10-22T08:00:00Z`), known at apply;
   * for an output or a check of yours.
   */
  public readonly validityEndTime: string;

  constructor(scope: Construct, id: string, props: LeafCertificateProps) {
    super(scope, id);
    checkId(this);
    throwProblems("LeafCertificate", this.node.path, leafProblems("", props));
    ensureTlsProvider(this);

    const keyType = props.keyType ?? KeyType.ECDSA_P256;
    const key = new PrivateKey(this, "key", {
      algorithm: keyType.algorithm,
      ecdsaCurve: keyType.ecdsaCurve,
      rsaBits: keyType.rsaBits,
    });
    const request = new CertRequest(this, "request", {
      privateKeyPem: key.privateKeyPem,
      subject: subject(props.commonName, props.organization),
      dnsNames: sortedSet(props.dnsNames),
      ipAddresses: sortedSet(props.ipAddresses),
    });
    const cert = new LocallySignedCert(this, "cert", {
      certRequestPem: request.certRequestPem,
      caCertPem: props.caCertPem,
      caPrivateKeyPem: props.caPrivateKeyPem,
      allowedUses: props.profile.allowedUses,
      validityPeriodHours: props.validityHours ?? DEFAULT_LEAF_VALIDITY_HOURS,
      earlyRenewalHours: props.earlyRenewalHours ?? DEFAULT_EARLY_RENEWAL_HOURS,
      setSubjectKeyId: true,
    });

    this.certPem = cert.certPem;
    this.privateKeyPem = key.privateKeyPem;
    this.certSha256 = Fn.sha256(cert.certPem);
    this.validityEndTime =
      props.caValidityEndTime === undefined
        ? cert.validityEndTime
        : earlier(cert.validityEndTime, props.caValidityEndTime);
  }
}

/** The earlier of two times, known at apply. Not "less than 0": cdktf (0.21) writes a 0 there as "undefined". */
function earlier(one: string, other: string): string {
  return Token.asString(Fn.conditional(Op.eq(Fn.timecmp(one, other), -1), one, other));
}

/** Ordered lists at the provider, sets in meaning: without this, another order would be another certificate. */
function sortedSet(names: string[] = []): string[] | undefined {
  return names.length === 0 ? undefined : [...new Set(names)].sort();
}
