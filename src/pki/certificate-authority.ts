import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { SelfSignedCert } from "@cdktf/provider-tls/lib/self-signed-cert";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { DEFAULT_CA_COMMON_NAME, DEFAULT_CA_VALIDITY_HOURS } from "../defaults";
import { KeyType } from "./key-type";
import { LeafCertificate, type LeafCertificateOptions } from "./leaf-certificate";
import { ensureTlsProvider } from "./provider";

/** An existing CA. */
export interface CertificateAuthorityPem {
  /** The CA's certificate, in PEM. Not sensitive: a sensitive one would hide the log of what is triggered by its digest. */
  readonly certPem: string;

  /** The CA's private key, in PEM; from a sensitive `TerraformVariable` or a data source, never a literal. */
  readonly privateKeyPem: string;
}

/** Input of `CertificateAuthority`. */
export interface CertificateAuthorityProps {
  /**
   * Common name (CN).
   *
   * @default "etcd-ca"
   */
  readonly commonName?: string;

  /**
   * Organization (O).
   *
   * @default - none
   */
  readonly organization?: string;

  /**
   * Validity, in hours from the apply that makes it. It is never renewed by itself.
   *
   * @default 175200 - twenty years
   */
  readonly validityHours?: number;

  /**
   * Type of the CA's private key.
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;

  /**
   * Signs with this CA instead of a new one; the props above then have no effect. See `CertificateAuthority.fromPem()`.
   *
   * @default - a new CA
   */
  readonly existing?: CertificateAuthorityPem;
}

/**
 * The certificate authority of one or several clusters: a new self-signed one, or an imported one.
 *
 * Its private key is in the Terraform state and in nothing that reaches a host.
 */
export class CertificateAuthority extends Construct {
  /**
   * A CA that exists already.
   *
   * @param scope Where the construct belongs.
   * @param id Its id there.
   * @param pem Certificate and private key.
   */
  public static fromPem(scope: Construct, id: string, pem: CertificateAuthorityPem): CertificateAuthority {
    return new CertificateAuthority(scope, id, { existing: pem });
  }

  /** The CA's certificate, in PEM. */
  public readonly certPem: string;

  /** SHA-256 of `certPem`, in hex. */
  public readonly certSha256: string;

  /**
   * When the CA's certificate ends, as RFC 3339 has it (`2045-10-22T08:00:00Z`), known at apply; for an output or a check of yours.
   *
   * @default - undefined for an imported CA: only its PEM text is known
   */
  public readonly validityEndTime?: string;

  private readonly privateKeyPem: string;

  constructor(scope: Construct, id: string, props: CertificateAuthorityProps = {}) {
    super(scope, id);
    ensureTlsProvider(this);

    if (props.existing) {
      this.certPem = props.existing.certPem;
      this.privateKeyPem = props.existing.privateKeyPem;
    } else {
      const { key, cert } = this.makeNew(props);
      this.certPem = cert.certPem;
      this.privateKeyPem = key.privateKeyPem;
      this.validityEndTime = cert.validityEndTime;
    }
    this.certSha256 = Fn.sha256(this.certPem);
  }

  /**
   * A new private key with a certificate that this CA signs.
   *
   * @param scope Where the leaf belongs.
   * @param id Its id there.
   * @param options What the certificate says.
   */
  public issue(scope: Construct, id: string, options: LeafCertificateOptions): LeafCertificate {
    return new LeafCertificate(scope, id, {
      ...options,
      caCertPem: this.certPem,
      caPrivateKeyPem: this.privateKeyPem,
    });
  }

  private makeNew(props: CertificateAuthorityProps): { key: PrivateKey; cert: SelfSignedCert } {
    const keyType = props.keyType ?? KeyType.ECDSA_P256;
    const key = new PrivateKey(this, "key", {
      algorithm: keyType.algorithm,
      ecdsaCurve: keyType.ecdsaCurve,
      rsaBits: keyType.rsaBits,
    });
    const cert = new SelfSignedCert(this, "cert", {
      privateKeyPem: key.privateKeyPem,
      subject: [{ commonName: props.commonName ?? DEFAULT_CA_COMMON_NAME, organization: props.organization }],
      isCaCertificate: true,
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      setAuthorityKeyId: true,
      validityPeriodHours: props.validityHours ?? DEFAULT_CA_VALIDITY_HOURS,
      // A CA that renewed itself would cut every running member off: they read their CA at start only.
      earlyRenewalHours: 0,
    });
    return { key, cert };
  }
}
