import { DataTlsCertificate } from "@cdktf/provider-tls/lib/data-tls-certificate";
import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { SelfSignedCert } from "@cdktf/provider-tls/lib/self-signed-cert";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { DEFAULT_CA_COMMON_NAME, DEFAULT_CA_VALIDITY_HOURS } from "./certificate-options";
import { checkId } from "../construct-id";
import { leafProblems, subjectProblems, throwProblems, validityProblems } from "../validation/certificate-fields";
import { isKnown } from "../validation/problem";
import { KeyType } from "./key-type";
import { LeafCertificate, type LeafCertificateOptions } from "./leaf-certificate";
import { ensureTlsProvider } from "./provider";
import { subject } from "./subject";

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
   * Type of the CA's private key. A CA that exists keeps its key: to change the type, change the CA (docs/certificates.md).
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;
}

/** What `fromPem` tells the constructor beside: a CA that exists has no props of its own. */
interface ImportedAuthorityProps extends CertificateAuthorityProps {
  readonly imported: CertificateAuthorityPem;
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
    const props: ImportedAuthorityProps = { imported: pem };
    return new CertificateAuthority(scope, id, props);
  }

  /** The CA's certificate, in PEM. */
  public readonly certPem: string;

  /** SHA-256 of `certPem`, in hex. */
  public readonly certSha256: string;

  /**
   * When the CA's certificate ends, as RFC 3339 has it (`2045-10-22T08:00:00Z`), known at plan or apply; for an output or a check of yours.
   * Of an imported CA, Terraform reads it from the certificate.
   */
  public readonly validityEndTime: string;

  /**
   * Validity in hours, where it is known at synth.
   *
   * @internal
   */
  public readonly _validityHours?: number;

  private readonly privateKeyPem: string;

  constructor(scope: Construct, id: string, props: CertificateAuthorityProps = {}) {
    super(scope, id);
    checkId(this);
    throwProblems("CertificateAuthority", this.node.path, [
      ...subjectProblems("", props),
      ...validityProblems("", props.validityHours),
    ]);
    ensureTlsProvider(this);

    const { imported } = props as Partial<ImportedAuthorityProps>;
    if (imported) {
      this.certPem = imported.certPem;
      this.privateKeyPem = imported.privateKeyPem;
      this.validityEndTime = endOf(this, imported.certPem);
    } else {
      const cert = this.makeNew(props);
      this.certPem = cert.certPem;
      this.privateKeyPem = cert.privateKeyPem;
      this.validityEndTime = cert.validityEndTime;
      const hours = props.validityHours ?? DEFAULT_CA_VALIDITY_HOURS;
      this._validityHours = isKnown(hours) ? hours : undefined;
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
    throwProblems("LeafCertificate", `${scope.node.path}/${id}`, leafProblems("", options, this._validityHours));
    return new LeafCertificate(scope, id, {
      ...options,
      caCertPem: this.certPem,
      caPrivateKeyPem: this.privateKeyPem,
      caValidityEndTime: this.validityEndTime,
    });
  }

  /** The certificate, with the key that it was made with. */
  private makeNew(props: CertificateAuthorityProps): SelfSignedCert {
    const keyType = props.keyType ?? KeyType.ECDSA_P256;
    const key = new PrivateKey(this, "key", {
      algorithm: keyType.algorithm,
      ecdsaCurve: keyType.ecdsaCurve,
      rsaBits: keyType.rsaBits,
    });
    return new SelfSignedCert(this, "cert", {
      privateKeyPem: key.privateKeyPem,
      subject: subject(props.commonName ?? DEFAULT_CA_COMMON_NAME, props.organization),
      isCaCertificate: true,
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      setAuthorityKeyId: true,
      validityPeriodHours: props.validityHours ?? DEFAULT_CA_VALIDITY_HOURS,
      // A CA that renewed itself would cut every running member off: they read their CA at start only.
      earlyRenewalHours: 0,
      // The certificate keeps the key that it was made with: one that is replaced (by -replace, or tainted) changes nothing. And of a certificate that is
      // replaced the state keeps the old one, with its key, until all hosts have been looked at.
      lifecycle: { createBeforeDestroy: true, ignoreChanges: ["private_key_pem"] },
    });
  }
}

/** When a certificate in PEM ends: read by Terraform, since its text may be known at apply only. */
function endOf(scope: Construct, certPem: string): string {
  return new DataTlsCertificate(scope, "imported", { content: certPem }).certificates.get(0).notAfter;
}
