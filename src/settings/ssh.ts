import { SshKey } from "./ssh-key";

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

const DEFAULT_SSH_PORT = 22;
const DEFAULT_SSH_USER = "root";
const DEFAULT_SSH_TIMEOUT = "1m";

/**
 * Terraform makes its script writable for everybody and runs it a round trip later, so it must lie where only the SSH user can go. It makes no
 * directory, so that place must be there on every host: root's home; for another user `.ssh` in the home, since the home itself is often open to all.
 */
export function defaultScriptPath(user: string): string {
  return `${user === "root" ? "/root" : "./.ssh"}/.cdktf-etcd-%RAND%.sh`;
}

/** The settings of one host: the member's over the cluster's. */
export function resolveSsh(cluster: SshOptions, member: SshOptions | undefined, address: string): SshSettings {
  const own = Object.fromEntries(Object.entries(member ?? {}).filter(([, value]) => value !== undefined));
  const ssh: SshOptions = { ...cluster, ...own };
  const user = ssh.user ?? DEFAULT_SSH_USER;
  const key = ssh.key ?? SshKey.agent();
  const bastionKey = ssh.bastionKey ?? key;
  return {
    host: ssh.host ?? address,
    port: ssh.port ?? DEFAULT_SSH_PORT,
    user,
    privateKeyFile: key._file,
    privateKey: key._pem,
    // Terraform forwards the agent to the host, so it is off where keys make it needless.
    agent: key._isAgent || (ssh.bastionHost !== undefined && bastionKey._isAgent),
    hostKey: ssh.hostKey,
    timeout: ssh.timeout ?? DEFAULT_SSH_TIMEOUT,
    scriptPath: ssh.scriptPath ?? defaultScriptPath(user),
    ...(ssh.bastionHost === undefined ? {} : resolveBastion(ssh, user, bastionKey)),
  };
}

function resolveBastion(ssh: SshOptions, user: string, key: SshKey): Partial<SshSettings> {
  return {
    bastionHost: ssh.bastionHost,
    bastionPort: ssh.bastionPort ?? DEFAULT_SSH_PORT,
    bastionUser: ssh.bastionUser ?? user,
    bastionPrivateKeyFile: key._file,
    bastionPrivateKey: key._pem,
  };
}
