/** The names of three PEM files in one directory. */
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

/** The paths of the files on a host, below the link to the version in use. They are absolute. */
export interface InstalledFiles extends CredentialFiles {
  /** The link to `etcd-vX.Y.Z`. */
  readonly directory: string;
  readonly etcd: string;
  readonly startupScript: string;
  /** Contains the settings for the member's first start; see `renderStartupScript`. */
  readonly firstStart: string;
  /** While this file exists, the member keeps clients out: it has the URL that etcd listens at instead. */
  readonly quarantine: string;
  /** Lists the mount points without which the member must not start. */
  readonly mounts: string;
}

/** The runbook's layout, below an install root. */
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
    quarantine: `${directory}.quarantine`,
    mounts: `${directory}/mounts`,
  };
}
