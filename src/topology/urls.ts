import { isIPv6 } from "node:net";

/**
 * `10.4.7.12:2380`, `[fd00::12]:2380`, `etcd-1.example.org:2380`.
 *
 * A CDKTF token passes as it is. Its value is not known yet, so it cannot get brackets: a token must not stand for an
 * IPv6 address.
 */
export function hostPort(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

/** The URL at which the other members reach a member. */
export function peerUrl(address: string, port: number): string {
  return `https://${hostPort(address, port)}`;
}

/** The URL at which clients reach a member. */
export function clientUrl(address: string, port: number): string {
  return `https://${hostPort(address, port)}`;
}
