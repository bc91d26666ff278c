import type { AutoCompaction } from "./auto-compaction";
import type { RemovalPolicy } from "./props";
import type { EtcdRelease } from "./release/etcd-release";

/*
 * A cluster's props with every default filled in: what all layers below EtcdCluster work from.
 * `resolve-props.ts` makes it; nothing else decides a default.
 */

/** SSH settings of one host: the cluster's with the member's over them. */
export interface SshSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly privateKeyFile?: string;
  readonly privateKey?: string;
  readonly agent: boolean;
  readonly hostKey?: string;
  readonly timeout: string;
  /** Where Terraform puts its scripts; what it uploads lies beside. */
  readonly scriptPath: string;
  readonly bastionHost?: string;
  readonly bastionPort?: number;
  readonly bastionUser?: string;
  readonly bastionPrivateKeyFile?: string;
  readonly bastionPrivateKey?: string;
}

/** One member. */
export interface MemberSettings {
  readonly name: string;
  readonly address: string;
  /** For messages: the host's name, or the address. */
  readonly host: string;
  /** For the certificate: the host's name, when there is one. */
  readonly hostName?: string;
  readonly ssh: SshSettings;
  /** `https://10.4.7.12:2380` */
  readonly peerUrl: string;
  /** `https://10.4.7.12:2379` */
  readonly clientUrl: string;
  /** How often the member was made anew on its host. */
  readonly reprovision: number;
}

/** A cluster. */
export interface ClusterSettings {
  /** Sorted by name: no text, no trigger and no chain depends on the order in the program. */
  readonly members: MemberSettings[];
  readonly version: string;
  readonly release: EtcdRelease;
  readonly installRoot: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly supervisorIni: string;
  readonly peerPort: number;
  readonly clientPort: number;
  readonly user: string;
  readonly removalPolicy: RemovalPolicy;
  readonly insecureLoopbackClientUrl: boolean;
  readonly quotaBackendBytes?: number;
  readonly autoCompaction?: AutoCompaction;
  readonly heartbeatInterval?: number;
  readonly electionTimeout?: number;
  readonly listenMetricsUrls?: string[];
  readonly extraFlags: { [flag: string]: string };
}
