export {
  AutoCompaction,
  type BackupCommandOptions,
  BackupRetention,
  type EtcdBackupOptions,
  EtcdBackups,
  type EtcdClusterProps,
  EtcdDefragmentation,
  type EtcdDefragmentationOptions,
  type EtcdHostRestoreOptions,
  type EtcdMemberProps,
  EtcdRestore,
  type EtcdRestoreOptions,
  type ExponentialRetentionOptions,
  type OperatorCredentialsOptions,
  type PathOptions,
  type PortOptions,
  RemovalPolicy,
  SshKey,
  type SshOptions,
} from "./settings";
export type { CertificateOptions, ClientCertificateOptions } from "./pki/certificate-options";
export { EtcdCluster, type EtcdClusterMember } from "./etcd-cluster";
export type { EtcdClusterAttributes, IEtcdCluster } from "./imported-cluster";
export {
  CertificateAuthority,
  type CertificateAuthorityPem,
  type CertificateAuthorityProps,
} from "./pki/certificate-authority";
export { CertificateProfile } from "./pki/certificate-profile";
export { KeyType } from "./pki/key-type";
export { LeafCertificate, type LeafCertificateOptions, type LeafCertificateProps } from "./pki/leaf-certificate";
export { EtcdRelease, type EtcdReleaseOptions, type LocalArchiveOptions } from "./release/etcd-release";
export { EtcdUpgrade, type UpgradeVerdict } from "./release/upgrade";
