import { DIGESTS } from "./digests.generated";
import { asText, requiredText } from "../settings/required";

/**
 * Digests for a release that this package does not know: your own build, or a version that is newer than the package.
 */
export interface EtcdReleaseOptions {
  /**
   * SHA-256 of the archive for linux/amd64, in hex.
   *
   * @default - the digest that this package knows for the version
   */
  readonly sha256?: string;

  /**
   * SHA-256 of the archive for linux/arm64, in hex.
   *
   * @default - the digest that this package knows for the version
   */
  readonly sha256Arm64?: string;
}

/** Digest of a local archive. */
export interface LocalArchiveOptions {
  /**
   * SHA-256 of the archive, in hex.
   *
   * @default - the digest that this package knows for the version and the host's architecture
   */
  readonly sha256?: string;
}

/** SHA-256 of the release archives of one version, in hex, by architecture; undefined where it is unknown. */
interface ArchiveDigests {
  readonly amd64?: string;
  readonly arm64?: string;
}

/**
 * Where the release archive `etcd-vX.Y.Z-linux-ARCH.tar.gz` comes from, and its digest.
 *
 * The digest is always checked on the host, before the archive is unpacked.
 */
export class EtcdRelease {
  /**
   * The etcd project's releases on GitHub. Each host downloads the archive.
   *
   * @param options Digests.
   */
  public static github(options: EtcdReleaseOptions = {}): EtcdRelease {
    return EtcdRelease.mirror("https://github.com/etcd-io/etcd/releases/download", options);
  }

  /**
   * A mirror with GitHub's layout, `<url>/vX.Y.Z/etcd-vX.Y.Z-linux-ARCH.tar.gz`. Each host downloads the archive.
   *
   * @param url The part before `/vX.Y.Z`: `https://…` or `http://…` (the digest protects the archive either way). For a
   *   mirror that asks for a password, use `https://USER:PASSWORD@…`, preferably with the password from a sensitive
   *   `TerraformVariable`. The URL reaches a host as a file that only the SSH user can read.
   * @param options Digests.
   */
  public static mirror(url: string, options: EtcdReleaseOptions = {}): EtcdRelease {
    return new EtcdRelease(
      { amd64: asText(options.sha256), arm64: asText(options.sha256Arm64) },
      requiredText("EtcdRelease.mirror(url)", url).replace(/\/+$/, ""),
    );
  }

  /**
   * An archive on the operator's machine, which is pushed to each host over SSH: for hosts without Internet access.
   *
   * @param path Path of the archive. A relative path is relative to the directory in which the program runs.
   * @param options Digest.
   */
  public static localArchive(path: string, options: LocalArchiveOptions = {}): EtcdRelease {
    // There is one archive, so its digest is the one to expect on a host of either architecture.
    const sha256 = asText(options.sha256);
    return new EtcdRelease(
      { amd64: sha256, arm64: sha256 },
      undefined,
      requiredText("EtcdRelease.localArchive(path)", path),
    );
  }

  private constructor(
    private readonly ownDigests: ArchiveDigests,
    private readonly baseUrl?: string,
    /**
     * The path of the archive on the operator's machine; undefined if the hosts download it.
     *
     * @internal
     */
    public readonly _archivePath?: string,
  ) {}

  /**
   * The URL from which a host downloads the archive; undefined for a local archive.
   *
   * @param version `X.Y.Z`.
   * @param arch `amd64` or `arm64`, or a placeholder that the host's script replaces with one of them.
   * @internal
   */
  public _archiveUrl(version: string, arch: string): string | undefined {
    return this.baseUrl && `${this.baseUrl}/v${version}/etcd-v${version}-linux-${arch}.tar.gz`;
  }

  /**
   * The digests to check the archive against. A digest that was given for this release takes precedence over the one
   * that this package knows.
   *
   * @param version `X.Y.Z`.
   * @internal
   */
  public _digests(version: string): ArchiveDigests {
    const known = DIGESTS[version];
    return { amd64: this.ownDigests.amd64 ?? known?.amd64, arm64: this.ownDigests.arm64 ?? known?.arm64 };
  }
}
