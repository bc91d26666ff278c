import { CertRequest } from "@cdktf/provider-tls/lib/cert-request";
import { LocallySignedCert } from "@cdktf/provider-tls/lib/locally-signed-cert";
import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { Fn, Op, Token } from "cdktf";
import { Construct } from "constructs";
import { DEFAULT_EARLY_RENEWAL_HOURS, DEFAULT_LEAF_VALIDITY_HOURS } from "./certificate-options";
import { checkId } from "../construct-id";
import { leafProblems, pemProblems, throwProblems } from "../validation/certificate-fields";
import { isKnown } from "../validation/problem";
import { type Fields, typedProps } from "../validation/types";
import type { CertificateProfile } from "./certificate-profile";
import { KeyType } from "./key-type";
import { ensureTlsProvider } from "./provider";
import { subject } from "./subject";

/** The contents of a leaf certificate. */
export interface LeafCertificateOptions {
  /** What the certificate may be used for. */
  readonly profile: CertificateProfile;

  /** Common name (CN) of the subject. If etcd's authentication is enabled, the CN of a client is its user name. */
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
   * IP addresses (SANs), without brackets. Their order does not matter.
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
   * How many hours before the end of the certificate Terraform plans a new one for the same key.
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
   * The time at which the CA's certificate ends, in RFC 3339 format. No certificate is valid for longer than its CA.
   *
   * @default - `validityEndTime` is the end of the leaf certificate itself
   */
  readonly caValidityEndTime?: string;
}

export const LEAF_OPTIONS: Fields<LeafCertificateOptions> = {
  "profile!": "CertificateProfile.CLIENT",
  "commonName!": "text",
  organization: "text",
  dnsNames: ["text", "late"],
  ipAddresses: ["text", "late"],
  validityHours: "other",
  earlyRenewalHours: "other",
  keyType: "KeyType.ECDSA_P256",
};

const LEAF_PROPS: Fields<LeafCertificateProps> = {
  ...LEAF_OPTIONS,
  "caCertPem!": "text",
  "caPrivateKeyPem!": "text",
  caValidityEndTime: "text",
};

/**
 * A private key and its certificate, signed by a CA: key → CSR → certificate.
 *
 * `CertificateAuthority.issue()` creates one. The private key is stored in the Terraform state: keep the state in a
 * place that is fit for secrets.
 */
export class LeafCertificate extends Construct {
  /** The certificate, in PEM. */
  public readonly certPem: string;

  /** The private key, in PEM. It is sensitive: never put it into a trigger or on a command line. */
  public readonly privateKeyPem: string;

  /** The SHA-256 digest of `certPem`, in hex. It is not a secret, so a trigger may contain it. */
  public readonly certSha256: string;

  /**
   * The time at which the certificate ends, or its CA if that ends earlier, in RFC 3339 format
   * (`2035-10-22T08:00:00Z`), known at apply; for an output or a check of your own.
   */
  public readonly validityEndTime: string;

  constructor(scope: Construct, id: string, props: LeafCertificateProps) {
    super(scope, id);
    checkId(this);
    const leaf = typedProps("LeafCertificate", this.node.path, props, LEAF_PROPS);
    throwProblems("LeafCertificate", this.node.path, [
      ...leafProblems("", leaf),
      ...pemProblems(
        { prop: "caCertPem", pem: leaf.caCertPem },
        { prop: "caPrivateKeyPem", pem: leaf.caPrivateKeyPem },
      ),
    ]);
    ensureTlsProvider(this);

    const keyType = leaf.keyType ?? KeyType.ECDSA_P256;
    const key = new PrivateKey(this, "key", {
      algorithm: keyType.algorithm,
      ecdsaCurve: keyType.ecdsaCurve,
      rsaBits: keyType.rsaBits,
    });
    const request = new CertRequest(this, "request", {
      privateKeyPem: key.privateKeyPem,
      subject: subject(leaf.commonName, leaf.organization),
      dnsNames: sortedSet(leaf.dnsNames),
      ipAddresses: sortedSet(leaf.ipAddresses),
    });
    const cert = new LocallySignedCert(this, "cert", {
      certRequestPem: request.certRequestPem,
      caCertPem: leaf.caCertPem,
      caPrivateKeyPem: leaf.caPrivateKeyPem,
      allowedUses: leaf.profile.allowedUses,
      validityPeriodHours: leaf.validityHours ?? DEFAULT_LEAF_VALIDITY_HOURS,
      earlyRenewalHours: leaf.earlyRenewalHours ?? DEFAULT_EARLY_RENEWAL_HOURS,
      setSubjectKeyId: true,
    });

    this.certPem = cert.certPem;
    this.privateKeyPem = key.privateKeyPem;
    this.certSha256 = Fn.sha256(cert.certPem);
    this.validityEndTime =
      leaf.caValidityEndTime === undefined
        ? cert.validityEndTime
        : earlier(cert.validityEndTime, leaf.caValidityEndTime);
  }
}

/**
 * The earlier of two times, which are known at apply. The comparison is with -1 and not "less than 0", because cdktf
 * (0.21) writes a 0 there as "undefined".
 */
function earlier(one: string, other: string): string {
  return Token.asString(Fn.conditional(Op.eq(Fn.timecmp(one, other), -1), one, other));
}

/**
 * The provider treats the names as an ordered list, but their order has no meaning: without sorting, another order
 * would be another certificate. A token's own text says nothing about its value, and changes when the program gets
 * another token anywhere; so Terraform sorts, if there is one among the names. A token that turns out to be empty stands
 * for no name.
 */
function sortedSet(names: string[] = []): string[] | undefined {
  const set = [...new Set(names)];
  if (set.length === 0) return undefined;
  return set.every(isKnown) ? set.sort() : (Fn.sort(Fn.distinct(Fn.compact(set))) as string[]);
}
