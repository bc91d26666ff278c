import { atLeast, parseVersion } from "./version";

/**
 * Whether etcd reads its leaf certificate again at each handshake, so that a new one needs no restart.
 *
 * etcd has done so since 3.2.0. If the certificate has only IP SANs, like that of a member without a host name, it does
 * so only since 3.2.19 and 3.3.4, so those are the versions that count here.
 */
export function reloadsLeaf(version: string): boolean {
  return atLeast(version, parseVersion(version)?.minor === "3.3" ? "3.3.4" : "3.2.19");
}
