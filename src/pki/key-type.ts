/** Type of a private key. */
export class KeyType {
  /** ECDSA on NIST P-256: small keys, fast handshakes, supported everywhere. */
  public static readonly ECDSA_P256 = new KeyType("ECDSA", "P256");
  /** ECDSA on NIST P-384. */
  public static readonly ECDSA_P384 = new KeyType("ECDSA", "P384");
  /** RSA with 2048 bits. */
  public static readonly RSA_2048 = new KeyType("RSA", undefined, 2048);
  /** RSA with 4096 bits. A handshake costs etcd about a hundred times as much as with P-256. */
  public static readonly RSA_4096 = new KeyType("RSA", undefined, 4096);

  private constructor(
    /** `ECDSA` or `RSA`. */
    public readonly algorithm: string,
    /** The curve of an ECDSA key. It is always set, because the tls provider's own default, P224, is unusable in Go. */
    public readonly ecdsaCurve?: string,
    /** The size of an RSA key, in bits. */
    public readonly rsaBits?: number,
  ) {}
}
