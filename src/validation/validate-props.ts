import { type EtcdClusterProps, resolveClusterProps } from "../settings";
import { backupPaths, backups } from "./backup-rules";
import { defragmentation } from "./defragmentation-rules";
import { certificates, operatorCredentials } from "./certificate-rules";
import { extraFlags, flagsTogether, metricsUrls, propsOfVersion } from "./flag-rules";
import { paths, ports, privilegedPorts, removalPolicy, supervisorIni, user } from "./host-rules";
import { dependables, switches } from "./list-rules";
import {
  evenMemberCount,
  listenAddresses,
  machines,
  memberAddresses,
  memberCount,
  memberHosts,
  memberNames,
  similarNames,
} from "./member-rules";
import type { Rule, Subject } from "./problem";
import { restore } from "./restore-rules";
import { bastion, sshOptions, sshTargets } from "./ssh-rules";
import { autoCompaction, intervals, quota } from "./tuning-rules";
import { archivePath, digests, mirror, mirrorPassword, outdatedVersion, version } from "./version-rules";

/** A cluster that breaks one of these rules is not synthesized. */
const ERRORS: readonly Rule[] = [
  switches,
  dependables,
  memberCount,
  memberNames,
  memberAddresses,
  listenAddresses,
  memberHosts,
  machines,
  sshOptions,
  sshTargets,
  bastion,
  version,
  digests,
  mirror,
  archivePath,
  extraFlags,
  flagsTogether,
  propsOfVersion,
  metricsUrls,
  quota,
  intervals,
  autoCompaction,
  backups,
  defragmentation,
  ports,
  privilegedPorts,
  paths,
  backupPaths,
  restore,
  supervisorIni,
  user,
  removalPolicy,
  certificates,
  operatorCredentials,
];

/** A cluster that breaks one of these rules works, but its user should know about it. */
const WARNINGS: readonly Rule[] = [evenMemberCount, similarNames, outdatedVersion, mirrorPassword];

/** The problems of a cluster's props: one line per problem, each with the value, the limit and the fix. */
export interface PropsProblems {
  readonly errors: string[];
  readonly warnings: string[];
}

/** Returns every problem at once. */
export function validateProps(props: EtcdClusterProps, settings = resolveClusterProps(props)): PropsProblems {
  const subject: Subject = { props, settings };
  const all = (rules: readonly Rule[]) => rules.flatMap((rule) => [...rule(subject)]);
  return { errors: all(ERRORS), warnings: all(WARNINGS) };
}
