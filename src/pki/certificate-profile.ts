/** What a leaf certificate may be used for. */
export class CertificateProfile {
  /**
   * For serving clients. It also allows client authentication, because etcd's own gateway connects to its server with
   * the server's certificate.
   */
  public static readonly SERVER = new CertificateProfile("server", ["client_auth", "server_auth"]);
  /** For a client of etcd: an API server, an application, an operator. */
  public static readonly CLIENT = new CertificateProfile("client", ["client_auth"]);
  /** For connections between members, in both directions. As in the runbook, members also serve clients with it. */
  public static readonly PEER = new CertificateProfile("peer", ["client_auth", "server_auth"]);

  /**
   * The key usages, as the tls provider names them. They are sorted, because the provider replaces a certificate when
   * the order of its list changes.
   */
  public readonly allowedUses: string[];

  private constructor(
    /** `server`, `client` or `peer`. */
    public readonly name: string,
    extendedUses: string[],
  ) {
    this.allowedUses = [...extendedUses, "digital_signature", "key_encipherment"].sort();
  }
}
