/** What happens to a member's data when the member, or the cluster, is removed from the program. */
export enum RemovalPolicy {
  /**
   * The supervisor program is stopped and unregistered. Data, logs and binaries stay, and a new deploy brings the same
   * cluster back.
   */
  RETAIN = "retain",
  /**
   * The supervisor program is stopped and unregistered. The member's data, logs, certificates and binaries are deleted.
   */
  DESTROY = "destroy",
}
