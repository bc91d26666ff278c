import { atLeast, parseVersion } from "./version";

/**
 * Whether etcd reads its leaf certificate again at each handshake, so that a new one needs no restart.
 *
 * It does since 3.2.0, but where the certificate has IP SANs only, as a member's without a host name has, since 3.2.19 and 3.3.4 only:
 * these are what counts here.
 */
export function reloadsLeaf(version: string): boolean {
  return atLeast(version, parseVersion(version)?.minor === "3.3" ? "3.3.4" : "3.2.19");
}
