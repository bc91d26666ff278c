/** What happens to a member's data when the member, or the cluster, is removed from the program. */
export enum RemovalPolicy {
  /** The program is stopped and unregistered; data, logs and binaries stay, and a new deploy brings the same cluster back. */
  RETAIN = "retain",
  /** The program is stopped and unregistered; its data, logs, certificates and binaries are deleted. */
  DESTROY = "destroy",
}
