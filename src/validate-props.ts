import type { EtcdClusterProps } from "./props";
import { resolveClusterProps } from "./resolve-props";
import { certificates, operatorCredentials } from "./validation/certificate-rules";
import { extraFlags, flagsTogether, metricsUrls, propsOfVersion } from "./validation/flag-rules";
import { paths, ports, privilegedPorts, supervisorIni, user } from "./validation/host-rules";
import { lists } from "./validation/list-rules";
import {
  evenMemberCount,
  memberAddresses,
  memberCount,
  memberHosts,
  memberNames,
  similarNames,
} from "./validation/member-rules";
import type { Rule, Subject } from "./validation/problem";
import { bastion, sshOptions, sshTargets } from "./validation/ssh-rules";
import { autoCompaction, intervals, quota } from "./validation/tuning-rules";
import { archivePath, digests, mirror, mirrorPassword, outdatedVersion, version } from "./validation/version-rules";

/** A cluster that breaks one of these is not synthesized. */
const ERRORS: readonly Rule[] = [
  lists,
  memberCount,
  memberNames,
  memberAddresses,
  memberHosts,
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
  ports,
  privilegedPorts,
  paths,
  supervisorIni,
  user,
  certificates,
  operatorCredentials,
];

/** A cluster that breaks one of these works, and its user should know. */
const WARNINGS: readonly Rule[] = [evenMemberCount, similarNames, outdatedVersion, mirrorPassword];

/** What is wrong with a cluster's props; one line a problem, each with the value, the limit and the fix. */
export interface PropsProblems {
  readonly errors: string[];
  readonly warnings: string[];
}

/** Every problem at once. */
export function validateProps(props: EtcdClusterProps): PropsProblems {
  const subject: Subject = { props, settings: resolveClusterProps(props) };
  const all = (rules: readonly Rule[]) => rules.flatMap((rule) => [...rule(subject)]);
  return { errors: all(ERRORS), warnings: all(WARNINGS) };
}
