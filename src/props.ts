import type { AutoCompaction } from "./auto-compaction";
import type { CertificateAuthority } from "./pki/certificate-authority";
import type { KeyType } from "./pki/key-type";
import type { EtcdRelease } from "./release/etcd-release";
import type { SshKey } from "./ssh-key";

/** One etcd server of the cluster, and the host that it runs on. */
export interface EtcdMemberProps {
  /**
   * Name of the member: etcd's `--name`, and the name of its supervisor program.
   *
   * Unique in the cluster; letters, digits, `.`, `_` and `-`, at most 63 characters.
   * It is the member's identity in Terraform: a new name is a new member.
   */
  readonly name: string;

  /**
   * IP address on which peers and clients reach the member: IPv4 or IPv6, no brackets, no port.
   *
   * It must be on one of the host's interfaces; loopback and unspecified addresses are refused.
   */
  readonly address: string;

  /**
   * Host name of the machine, used in messages and as a DNS SAN of the member's certificate.
   *
   * @default - the address is used in messages, and the certificate has IP SANs only
   */
  readonly hostName?: string;

  /**
   * SSH settings of this host; each one given here replaces the cluster's.
   *
   * @default - the cluster's `ssh`
   */
  readonly ssh?: SshOptions;

  /**
   * Raise it by one to have the member made anew on its host: after the host was replaced by an empty machine, or its data directory was lost.
   *
   * The next deploy installs everything again; a member whose data are gone is taken out of the cluster and joined again.
   * Data that are there are kept.
   *
   * @default 0
   */
  readonly reprovision?: number;
}

/** How Terraform reaches a host over SSH. */
export interface SshOptions {
  /**
   * Address or DNS name for SSH.
   *
   * @default - the member's address
   */
  readonly host?: string;

  /**
   * TCP port of sshd.
   *
   * @default 22
   */
  readonly port?: number;

  /**
   * Login user: root, or a user whose `sudo` asks for no password.
   *
   * @default "root"
   */
  readonly user?: string;

  /**
   * The private key that the login uses.
   *
   * @default SshKey.agent()
   */
  readonly key?: SshKey;

  /**
   * Public host key that the host must present, in `known_hosts` format without the host (`ecdsa-sha2-nistp256 AAAA…`),
   * or the public key of the SSH CA that signed the host's certificate.
   *
   * Of a host that has several keys, give the ECDSA one (`/etc/ssh/ssh_host_ecdsa_key.pub`): Terraform (1.11.4) asks for that
   * first, and takes any other one for a mismatch.
   *
   * Behind a bastion it must be the CA's: Terraform (1.11.4) checks the bastion and the host against this one key.
   *
   * @default - Terraform accepts any host key: give it where the network is not trusted
   */
  readonly hostKey?: string;

  /**
   * Address of a bastion through which the host is reached.
   *
   * @default - no bastion
   */
  readonly bastionHost?: string;

  /**
   * TCP port of the bastion's sshd.
   *
   * @default 22
   */
  readonly bastionPort?: number;

  /**
   * Login user on the bastion.
   *
   * @default - `user`
   */
  readonly bastionUser?: string;

  /**
   * The private key for the bastion.
   *
   * @default - `key`
   */
  readonly bastionKey?: SshKey;

  /**
   * How long Terraform tries to connect, as a Go duration (`30s`, `2m`).
   *
   * @default "1m"
   */
  readonly timeout?: string;

  /**
   * Where Terraform puts its script on the host; `%RAND%` is replaced by a number. Uploads go to `.cdktf-etcd` beside it.
   *
   * The directory must be there, and only the SSH user may be able to enter it: the script becomes root, and Terraform makes it writable for everybody.
   * It must not be mounted `noexec`. A path that starts with `./` is relative to where the SSH user's shell starts: its home directory.
   *
   * A change restarts nothing.
   *
   * @default - `/root/.cdktf-etcd-%RAND%.sh` for root, `./.ssh/.cdktf-etcd-%RAND%.sh` for another user
   */
  readonly scriptPath?: string;
}

/** The cluster's certificates. */
export interface CertificateOptions {
  /**
   * The certificate authority that signs the leaf certificates: made here, shared with another cluster, or imported.
   *
   * @default - a CertificateAuthority of this cluster's own
   */
  readonly authority?: CertificateAuthority;

  /**
   * Further CAs whose certificates the members and the operator's credentials trust, beside `authority`:
   * for changing the CA without downtime.
   *
   * @default - none
   */
  readonly trustedAuthorities?: CertificateAuthority[];

  /**
   * Keeps the CA that this construct made for itself, and trusts it, although `authority` names another:
   * for the middle of a change of CA.
   *
   * @default false
   */
  readonly trustOwnAuthority?: boolean;

  /**
   * Whether all members use one peer certificate that holds the addresses of all of them, as the runbook does.
   *
   * @default false - one peer certificate a member, with that member's SANs only
   */
  readonly sharedPeerCertificate?: boolean;

  /**
   * Common name (CN) of the peer certificates.
   *
   * @default "k8s-etcd"
   */
  readonly commonName?: string;

  /**
   * Validity of leaf certificates, in hours: more than `earlyRenewalHours`, and no more than that of the CA, where that is known at synth.
   *
   * @default 87600 - ten years
   */
  readonly validityHours?: number;

  /**
   * Hours before its end at which Terraform plans a new leaf certificate.
   *
   * @default 720 - thirty days
   */
  readonly earlyRenewalHours?: number;

  /**
   * Type of the leaf certificates' keys.
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;

  /**
   * Further DNS names in every peer certificate, for example that of a load balancer.
   *
   * @default - none
   */
  readonly dnsNames?: string[];

  /**
   * Further IP addresses in every peer certificate, for example a virtual IP.
   *
   * @default - none
   */
  readonly ipAddresses?: string[];
}

/** Where things lie on the hosts. All are absolute paths without spaces, none inside another. */
export interface PathOptions {
  /**
   * Directory that holds `etcd-vX.Y.Z` and the link `etcd` to the version in use.
   *
   * @default "/opt"
   */
  readonly installRoot?: string;

  /**
   * etcd's `--data-dir`.
   *
   * @default "/data/etcd/etcd-server"
   */
  readonly dataDir?: string;

  /**
   * Directory of etcd's log.
   *
   * @default "/data/logs/etcd-server"
   */
  readonly logDir?: string;

  /**
   * Name, without extension, of the supervisor file in the directory that the host's supervisor includes.
   * Two clusters that share a host need different ones.
   *
   * @default "etcd-server"
   */
  readonly supervisorProgramFile?: string;
}

/** TCP ports of a member. */
export interface PortOptions {
  /**
   * Port for traffic between members.
   *
   * @default 2380
   */
  readonly peer?: number;

  /**
   * Port for clients.
   *
   * @default 2379
   */
  readonly client?: number;
}

/** Client credentials on the operator's machine. */
export interface OperatorCredentialsOptions {
  /**
   * Directory for `ca.pem`, `client.pem`, `client-key.pem` (PEM, mode 0600) and `etcdctl.env`; `~` is expanded,
   * and a relative path is relative to the directory in which the program runs. A single quote in it is refused.
   */
  readonly directory: string;

  /**
   * Common name (CN) of the client certificate.
   *
   * @default "etcd-operator"
   */
  readonly commonName?: string;
}

/** What a client certificate says. */
export interface ClientCertificateOptions {
  /** Common name (CN); with etcd's authentication switched on, it is the client's user name. */
  readonly commonName: string;

  /**
   * Organization (O).
   *
   * @default - none
   */
  readonly organization?: string;

  /**
   * Validity, in hours from the apply that signs it.
   *
   * @default 87600 - ten years
   */
  readonly validityHours?: number;

  /**
   * Hours before its end at which Terraform plans a new certificate.
   *
   * @default 720 - thirty days
   */
  readonly earlyRenewalHours?: number;

  /**
   * Type of the private key.
   *
   * @default KeyType.ECDSA_P256
   */
  readonly keyType?: KeyType;
}

/** What happens to a member's data when the member, or the cluster, is removed from the program. */
export enum RemovalPolicy {
  /** The program is stopped and unregistered; data, logs and binaries stay, and a new deploy brings the same cluster back. */
  RETAIN = "retain",
  /** The program is stopped and unregistered; its data, logs, certificates and binaries are deleted. */
  DESTROY = "destroy",
}

/** Input of `EtcdCluster`. */
export interface EtcdClusterProps {
  /** The members: 1 to 7, better an odd number. Their order does not matter; changes roll in the order of their names. */
  readonly members: EtcdMemberProps[];

  /** SSH settings of all hosts. */
  readonly ssh: SshOptions;

  /**
   * etcd version, `X.Y.Z`, from 3.1.0 to 3.7.x.
   *
   * @default "3.6.14"
   */
  readonly version?: string;

  /**
   * Where the release archive comes from, and its digest.
   *
   * @default EtcdRelease.github()
   */
  readonly release?: EtcdRelease;

  /**
   * Certificates.
   *
   * @default - a CA of its own, one P-256 peer certificate a member, valid for ten years
   */
  readonly certificates?: CertificateOptions;

  /**
   * etcd's `--quota-backend-bytes`: size of the database at which etcd refuses writes, in bytes; at most 8 GiB (8589934592), etcd's own advice.
   *
   * @default - etcd's default, 2 GiB
   */
  readonly quotaBackendBytes?: number;

  /**
   * How etcd discards old revisions by itself. A change restarts the members one by one.
   *
   * @default - etcd's default: never
   */
  readonly autoCompaction?: AutoCompaction;

  /**
   * etcd's `--heartbeat-interval`, in milliseconds.
   *
   * @default - etcd's default, 100
   */
  readonly heartbeatInterval?: number;

  /**
   * etcd's `--election-timeout`, in milliseconds: at least five times the heartbeat interval, at most 50000.
   *
   * @default - etcd's default, 1000
   */
  readonly electionTimeout?: number;

  /**
   * etcd's `--listen-metrics-urls` (from 3.3 on).
   *
   * @default - metrics are served on the client URL, to clients with a certificate
   */
  readonly listenMetricsUrls?: string[];

  /**
   * Further etcd flags, without the leading dashes: `{ "snapshot-count": "10000" }`.
   * A flag that etcd does not know at this version, that another prop owns, that opens a listener, weakens TLS or moves data, and a
   * value that is not of the flag's type, are refused.
   *
   * @default - none
   */
  readonly extraFlags?: { [flag: string]: string };

  /**
   * Whether each member also listens on `http://127.0.0.1:<client port>`, as the runbook has it.
   * Any local user of the host can then read and write everything, without a certificate.
   *
   * @default false
   */
  readonly insecureLoopbackClientUrl?: boolean;

  /**
   * Paths on the hosts.
   *
   * @default - the runbook's layout
   */
  readonly paths?: PathOptions;

  /**
   * TCP ports.
   *
   * @default - 2380 for peers, 2379 for clients
   */
  readonly ports?: PortOptions;

  /**
   * System user that etcd runs as; it is made, without login shell and home, where it is missing.
   *
   * @default "etcd"
   */
  readonly user?: string;

  /**
   * What happens to the data of a removed member.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Writes client credentials and an `etcdctl` environment file to the operator's machine.
   *
   * @default - nothing is written
   */
  readonly operatorCredentials?: OperatorCredentialsOptions;
}
