/** Client credentials on the operator's machine. */
export interface OperatorCredentialsOptions {
  /**
   * Directory for `ca.pem`, `client.pem`, `client-key.pem` (PEM, mode 0600) and `etcdctl.env`; `~` is expanded,
   * and a relative path is relative to the directory in which the program runs. A single quote in it is refused, and
   * so is the directory of another cluster of the program.
   */
  readonly directory: string;

  /**
   * Common name (CN) of the client certificate.
   *
   * @default "etcd-operator"
   */
  readonly commonName?: string;
}

/** Common name of the operator's client certificate. */
export const DEFAULT_OPERATOR_COMMON_NAME = "etcd-operator";
