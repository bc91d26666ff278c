/*
 * What a program configures (props and options), and what the layers below use (settings). Each option is defined
 * beside its default.
 */
export { AutoCompaction } from "./auto-compaction";
export {
  type BackupCommandOptions,
  BackupRetention,
  type BackupSettings,
  type EtcdBackupOptions,
  EtcdBackups,
  type ExponentialRetentionOptions,
} from "./backups";
export { type ClusterSettings, type EtcdClusterProps, MAX_MEMBERS, resolveClusterProps } from "./cluster";
export { type DefragmentationSettings, EtcdDefragmentation, type EtcdDefragmentationOptions } from "./defragmentation";
export type { EtcdMemberProps, MemberSettings } from "./member";
export { DEFAULT_OPERATOR_COMMON_NAME, type OperatorCredentialsOptions } from "./operator-credentials";
export type { PathOptions, PortOptions } from "./places";
export { RemovalPolicy } from "./removal-policy";
export { EtcdRestore, type EtcdHostRestoreOptions, type EtcdRestoreOptions, type RestoreSettings } from "./restore";
export { defaultScriptPath, type SshOptions, type SshSettings } from "./ssh";
export { SshKey } from "./ssh-key";
