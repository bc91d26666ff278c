/** Names of three PEM files in one directory. */
export interface CredentialFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The runbook's names for a member's credentials. */
export const PEER_CERTIFICATE_FILES: CredentialFiles = {
  ca: "ca.pem",
  cert: "etcd-peer.pem",
  key: "etcd-peer-key.pem",
};

/** Where things lie on a host, below the link to the version in use; absolute paths. */
export interface InstalledFiles extends CredentialFiles {
  /** The link to `etcd-vX.Y.Z`. */
  readonly directory: string;
  readonly etcd: string;
  readonly startupScript: string;
  /** Says how to start once; see `renderStartupScript`. */
  readonly firstStart: string;
  /** Mount points without which the member must not start. */
  readonly mounts: string;
}

/** The runbook's layout below an install root. */
export function installedFiles(installRoot: string): InstalledFiles {
  const directory = `${installRoot}/etcd`;
  return {
    directory,
    etcd: `${directory}/etcd`,
    ca: `${directory}/certs/${PEER_CERTIFICATE_FILES.ca}`,
    cert: `${directory}/certs/${PEER_CERTIFICATE_FILES.cert}`,
    key: `${directory}/certs/${PEER_CERTIFICATE_FILES.key}`,
    startupScript: `${directory}/etcd-server-startup.sh`,
    firstStart: `${directory}/first-start.env`,
    mounts: `${directory}/mounts`,
  };
}
