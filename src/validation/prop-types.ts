import type { CertificateOptions } from "../pki/certificate-options";
import type {
  BackupCommandOptions,
  EtcdBackupOptions,
  EtcdClusterProps,
  EtcdDefragmentationOptions,
  EtcdHostRestoreOptions,
  EtcdMemberProps,
  OperatorCredentialsOptions,
  PathOptions,
  PortOptions,
  SshOptions,
} from "../settings";
import { fieldProblems, type Fields, plain, requiredProblems } from "./types";

const SSH: Fields<SshOptions> = {
  host: "text",
  port: "other",
  user: "text",
  key: "SshKey.file(…)",
  hostKey: "text",
  bastionHost: "text",
  bastionPort: "other",
  bastionUser: "text",
  bastionKey: "SshKey.file(…)",
  timeout: "text",
  scriptPath: "text",
};

const MEMBER: Fields<EtcdMemberProps> = {
  "name!": "text",
  "address!": "text",
  listenAddress: "text",
  hostName: "text",
  ssh: SSH,
  reprovision: "other",
  machine: "text",
};

const CERTIFICATES: Fields<CertificateOptions> = {
  authority: "CertificateAuthority.fromPem(…)",
  trustedAuthorities: ["CertificateAuthority.fromPem(…)"],
  trustOwnAuthority: "other",
  sharedPeerCertificate: "other",
  commonName: "text",
  validityHours: "other",
  earlyRenewalHours: "other",
  keyType: "KeyType.ECDSA_P256",
  dnsNames: ["text"],
  ipAddresses: ["text"],
};

const PATHS: Fields<PathOptions> = {
  installRoot: "text",
  dataDir: "text",
  logDir: "text",
  supervisorProgramFile: "text",
};

const PORTS: Fields<PortOptions> = { peer: "other", client: "other" };

const CREDENTIALS: Fields<OperatorCredentialsOptions> = { "directory!": "text", commonName: "text" };

/** All props, and what the rules take for granted about them. */
const PROPS: Fields<EtcdClusterProps> = {
  "members!": [MEMBER],
  "ssh!": SSH,
  version: "text",
  user: "text",
  release: "EtcdRelease.mirror(…)",
  certificates: CERTIFICATES,
  quotaBackendBytes: "other",
  autoCompaction: "AutoCompaction.periodic(…)",
  heartbeatInterval: "other",
  electionTimeout: "other",
  listenMetricsUrls: ["text"],
  extraFlags: "map",
  insecureLoopbackClientUrl: "other",
  paths: PATHS,
  removalPolicy: "text",
  backups: "EtcdBackups.onHosts(…)",
  ports: PORTS,
  defragmentation: "EtcdDefragmentation.onHosts(…)",
  restore: "EtcdRestore.fromFile(…)",
  operatorCredentials: CREDENTIALS,
  machinesInStack: "other",
  dependsOn: ["other"],
};

const AFTER_EACH: Fields<BackupCommandOptions> = { "command!": "text", timeout: "text" };

const BACKUPS: Fields<EtcdBackupOptions> = {
  every: "text",
  keep: "BackupRetention.last(…)",
  directory: "text",
  maxBytes: "other",
  afterEach: AFTER_EACH,
  textfileDirectory: "text",
};

const DEFRAGMENTATION: Fields<EtcdDefragmentationOptions> = {
  minFreeBytes: "other",
  minFreePercent: "other",
  window: "text",
};

const RESTORE: Fields<EtcdHostRestoreOptions> = {
  replacesCluster: "text",
  discardsBackup: "text",
  attempt: "other",
  transferPort: "other",
};

/**
 * The props whose values are of another type. TypeScript and Python check this themselves; a program in JavaScript, or
 * one that reads its props from a file or from the environment, may contain anything, and so may `any`, which is what
 * `value` of a TerraformVariable is. The other rules cannot check such props.
 */
export function typeProblems(props: EtcdClusterProps): string[] {
  const found = [...requiredProblems("props", props, PROPS)];
  if (typeof props !== "object" || props === null) return found;
  const { backups, defragmentation, restore } = props;
  return [
    ...found,
    ...fieldProblems("backups", backups?._options, BACKUPS),
    ...fieldProblems("defragmentation", defragmentation?._options, DEFRAGMENTATION),
    ...fieldProblems("restore", restore?._options, RESTORE),
  ];
}

/**
 * The props as plain objects, with a text for each expression of Terraform that stands for one: a program may use objects
 * of its own classes, whose fields a spread does not always see.
 *
 * @param props Props without `typeProblems`.
 */
export function plainProps(props: EtcdClusterProps): EtcdClusterProps {
  return plain(props, PROPS) as EtcdClusterProps;
}
