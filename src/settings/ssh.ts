import { SshKey } from "./ssh-key";

/** How Terraform reaches a host over SSH. */
export interface SshOptions {
  /**
   * Address or DNS name at which SSH reaches the host.
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
   * Login user: root, or a user who may use `sudo` without a password.
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
   * If the host has several keys, use the ECDSA one (`/etc/ssh/ssh_host_ecdsa_key.pub`): Terraform (1.11.4) asks for
   * that one first, and treats any other key as a mismatch.
   *
   * Behind a bastion, it must be the CA's key: Terraform (1.11.4) checks the bastion and the host against this one key.
   *
   * @default - Terraform accepts any host key; set this if the network is not trusted
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
   * Path of Terraform's script on the host. Terraform replaces `%RAND%` with a number. Uploads go to `.cdktf-etcd`
   * beside it.
   *
   * The directory must exist, and only the SSH user may be able to enter it: Terraform makes the script writable by
   * everyone, and the script becomes root. The directory must not be mounted `noexec`. A path that starts with `./` is
   * relative to the directory in which the SSH user's shell starts: the home directory.
   *
   * A change restarts no member.
   *
   * @default - `/root/.cdktf-etcd-%RAND%.sh` for root, `./.ssh/.cdktf-etcd-%RAND%.sh` for another user
   */
  readonly scriptPath?: string;
}

/** The SSH settings of one host: the cluster's settings, overridden by the member's. */
export interface SshSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly privateKeyFile?: string;
  readonly privateKey?: string;
  readonly agent: boolean;
  readonly hostKey?: string;
  readonly timeout: string;
  /** Path of Terraform's scripts. Uploads go beside it. */
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
 * Terraform makes its script writable by everyone and runs it one round trip later, so it must be in a directory that
 * only the SSH user can enter. Terraform creates no directory, so this one must exist on every host: for root, the home
 * directory; for another user, `.ssh` in the home directory, since others can often enter the home directory itself.
 */
export function defaultScriptPath(user: string): string {
  return `${user === "root" ? "/root" : "./.ssh"}/.cdktf-etcd-%RAND%.sh`;
}

/** Resolves the SSH settings of one host: the cluster's settings, overridden by the member's. */
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
    // Terraform forwards the agent to the host, so the agent is off where keys make it unnecessary.
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
