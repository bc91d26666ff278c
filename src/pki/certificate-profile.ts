/** What a leaf certificate may be used for. */
export class CertificateProfile {
  /** Serves clients. It may also act as a client: etcd's own gateway calls its server with the server's certificate. */
  public static readonly SERVER = new CertificateProfile("server", ["client_auth", "server_auth"]);
  /** Calls etcd: an API server, an application, an operator. */
  public static readonly CLIENT = new CertificateProfile("client", ["client_auth"]);
  /** Serves and calls the other members; the runbook serves clients with it too. */
  public static readonly PEER = new CertificateProfile("peer", ["client_auth", "server_auth"]);

  /** Key usages, as the tls provider names them; sorted, because the provider replaces a certificate whose list changes order. */
  public readonly allowedUses: string[];

  private constructor(
    /** `server`, `client` or `peer`. */
    public readonly name: string,
    extendedUses: string[],
  ) {
    this.allowedUses = [...extendedUses, "digital_signature", "key_encipherment"].sort();
  }
}
