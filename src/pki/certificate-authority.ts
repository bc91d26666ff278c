import { DataTlsCertificate } from "@cdktf/provider-tls/lib/data-tls-certificate";
import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { SelfSignedCert } from "@cdktf/provider-tls/lib/self-signed-cert";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { DEFAULT_CA_COMMON_NAME, DEFAULT_CA_VALIDITY_HOURS } from "./certificate-options";
import { checkId } from "../construct-id";
import {
  leafProblems,
  pemProblems,
  subjectProblems,
  throwProblems,
  validityProblems,
} from "../validation/certificate-fields";
import { isKnown } from "../validation/problem";
import { type Fields, typedProps } from "../validation/types";
import { KeyType } from "./key-type";
import { LEAF_OPTIONS, LeafCertificate, type LeafCertificateOptions } from "./leaf-certificate";
import { ensureTlsProvider } from "./provider";
import { subject } from "./subject";

/** The certificate and private key of an existing CA. */
export interface CertificateAuthorityPem {
  /**
   * The CA's certificate, in PEM. Do not mark it as sensitive: Terraform would then hide the log of every resource that
   * its digest triggers. A private key beside it is refused, because every host gets this text.
   */
  readonly certPem: string;

  /**
   * The CA's private key, in PEM. Take it from a sensitive `TerraformVariable` or a data source; never write it as a
   * literal, which is refused.
   */
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
   * Validity, in hours from the apply that creates the CA. The CA is never renewed automatically.
   *
   * @default 175200 - twenty years
   */
  readonly validityHours?: number;

  /**
   * Type of the CA's private key. An existing CA keeps its key: to change the type, change the CA
   * (docs/certificates.md).
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;
}

/** The props that `fromPem` passes to the constructor: an existing CA has nothing else to configure. */
interface ImportedAuthorityProps extends CertificateAuthorityProps {
  readonly imported: CertificateAuthorityPem;
}

const PEM: Fields<CertificateAuthorityPem> = { "certPem!": "text", "privateKeyPem!": "text" };

const PROPS: Fields<CertificateAuthorityProps> = {
  commonName: "text",
  organization: "text",
  validityHours: "other",
  keyType: "KeyType.ECDSA_P256",
};

/**
 * The certificate authority (CA) of one or more clusters: a new self-signed one, or an imported one.
 *
 * Its private key is stored in the Terraform state, and is never part of anything that reaches a host.
 */
export class CertificateAuthority extends Construct {
  /**
   * Imports an existing CA.
   *
   * @param scope The scope of the construct.
   * @param id The id of the construct in that scope.
   * @param pem The CA's certificate and private key.
   */
  public static fromPem(scope: Construct, id: string, pem: CertificateAuthorityPem): CertificateAuthority {
    const imported = typedProps("CertificateAuthority", `${scope.node.path}/${id}`, pem, PEM);
    const props: ImportedAuthorityProps = { imported };
    return new CertificateAuthority(scope, id, props);
  }

  /** The CA's certificate, in PEM. */
  public readonly certPem: string;

  /** The SHA-256 digest of `certPem`, in hex. */
  public readonly certSha256: string;

  /**
   * The time at which the CA's certificate ends, in RFC 3339 format (`2045-10-22T08:00:00Z`), known at plan or apply;
   * for an output or a check of your own. For an imported CA, Terraform reads it from the certificate.
   */
  public readonly validityEndTime: string;

  /**
   * The validity in hours, if it is known at synth.
   *
   * @internal
   */
  public readonly _validityHours?: number;

  /** @internal */
  public readonly _imported: boolean;

  private readonly privateKeyPem: string;

  constructor(scope: Construct, id: string, props: CertificateAuthorityProps = {}) {
    super(scope, id);
    checkId(this);
    const { imported } = props as Partial<ImportedAuthorityProps>;
    const own = imported ? {} : typedProps("CertificateAuthority", this.node.path, props, PROPS);
    throwProblems("CertificateAuthority", this.node.path, [
      ...subjectProblems("", own),
      ...validityProblems("", own.validityHours),
      ...(imported
        ? pemProblems(
            { prop: "certPem", pem: imported.certPem },
            { prop: "privateKeyPem", pem: imported.privateKeyPem },
          )
        : []),
    ]);
    ensureTlsProvider(this);

    this._imported = imported !== undefined;
    if (imported) {
      this.certPem = imported.certPem;
      this.privateKeyPem = imported.privateKeyPem;
      this.validityEndTime = endOf(this, imported.certPem);
    } else {
      const cert = this.makeNew(own);
      this.certPem = cert.certPem;
      this.privateKeyPem = cert.privateKeyPem;
      this.validityEndTime = cert.validityEndTime;
      const hours = own.validityHours ?? DEFAULT_CA_VALIDITY_HOURS;
      this._validityHours = isKnown(hours) ? hours : undefined;
    }
    this.certSha256 = Fn.sha256(this.certPem);
  }

  /**
   * Creates a private key, and a certificate for it that this CA signs.
   *
   * @param scope The scope of the certificate.
   * @param id The id of the certificate in that scope.
   * @param options The contents of the certificate.
   */
  public issue(scope: Construct, id: string, options: LeafCertificateOptions): LeafCertificate {
    const path = `${scope.node.path}/${id}`;
    const checked = typedProps("LeafCertificate", path, options, LEAF_OPTIONS);
    throwProblems("LeafCertificate", path, leafProblems("", checked, this._validityHours));
    return new LeafCertificate(scope, id, {
      ...checked,
      caCertPem: this.certPem,
      caPrivateKeyPem: this.privateKeyPem,
      caValidityEndTime: this.validityEndTime,
    });
  }

  /** Creates a private key and a self-signed certificate. The result contains both. */
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
      // If the CA renewed itself, every running member would be cut off, because etcd reads its CA only at start.
      earlyRenewalHours: 0,
      // The certificate keeps the key that it was created with: if the key is replaced (by -replace, or because it is
      // tainted), nothing else changes. If the certificate is replaced, the state keeps the old one, with its key,
      // until all hosts have been checked.
      lifecycle: { createBeforeDestroy: true, ignoreChanges: ["private_key_pem"] },
    });
  }
}

/** The time at which a certificate in PEM ends. Terraform reads it, because the text may be known only at apply. */
function endOf(scope: Construct, certPem: string): string {
  return new DataTlsCertificate(scope, "imported", { content: certPem }).certificates.get(0).notAfter;
}
