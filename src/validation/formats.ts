import { BlockList, isIP, isIPv6 } from "node:net";
import { durationSeconds } from "../settings/duration";

/** TCP port. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** The 292 years that Go's durations have room for: nanoseconds in 64 bits with a sign. */
const MAXIMUM_DURATION_SECONDS = Math.floor(2 ** 63 / 1e9);

/** Go duration: `30s`, `1h30m`. */
export function isGoDuration(text: string): boolean {
  return /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text) && durationSeconds(text) <= MAXIMUM_DURATION_SECONDS;
}

/** A number of things. */
export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Whole number without a sign. */
export function isWholeNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

/** A DNS name. In a certificate it may start with a wildcard. */
export function isDnsName(text: string): boolean {
  const label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  // The last label of a name is never a number, decimal or hexadecimal. Otherwise, an IPv4 address would be a name, and
  // so would what the C library takes for one: 10.4.7, 0x0a04070c.
  return (
    text.length <= 253 && new RegExp(`^(\\*\\.)?(?:${label}\\.)*(?!(\\d+|0[xX][\\da-fA-F]*)$)${label}$`).test(text)
  );
}

/** A DNS name without a wildcard, which names one host. */
export function isHostName(text: string): boolean {
  return isDnsName(text) && !text.startsWith("*");
}

/** A host and its port: `10.4.7.1:4317`, `[fd00::1]:4317`, `collector.example:4317`. */
export function isTcpTarget(text: string): boolean {
  const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  return host !== undefined && isPort(Number(port)) && (isHostName(host) || isIpAddress(withoutBrackets(host)));
}

/** The host of a URL, without the brackets around an IPv6 address. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.+)\]$/, "$1");
}

/** IPv4 or IPv6, without brackets, port or zone. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** Names that every host uses for itself. */
export function isOwnName(name: string): boolean {
  return /^((.*\.)?localhost|localhost[46]?\.localdomain[46]?|localhost[46]|ip6-localhost|ip6-loopback)$/i.test(name);
}

/** The same text for every spelling of an IP address or a DNS name. A token is returned unchanged. */
export function canonicalAddress(address: string): string {
  if (isIpAddress(address) && isIPv6(address)) return new URL(`http://[${address}]`).hostname;
  return typeof address !== "string" || address.includes("${") ? address : address.toLowerCase();
}

const UNREACHABLE: [kind: string, list: BlockList][] = [
  ["a loopback address", blockList(["127.0.0.0", 8], ["::1", 128])],
  ["an unspecified address", blockList(["0.0.0.0", 8], ["::", 128])],
  ["a multicast address", blockList(["224.0.0.0", 4], ["ff00::", 8])],
  ["a broadcast address", blockList(["255.255.255.255", 32])],
  ["a link-local address", blockList(["fe80::", 10])],
];

/** Why other hosts cannot reach an IP address: `a loopback address`, for example; undefined if they can. */
export function unreachableKind(address: string): string | undefined {
  return UNREACHABLE.find(([, list]) => list.check(address, family(address)))?.[0];
}

function blockList(...subnets: [network: string, prefix: number][]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family(network));
  return list;
}

function family(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

/**
 * The formats of texts that Terraform checks, too, if it alone knows them: regular expressions that mean the same to it
 * (RE2) and to JavaScript.
 */
export const PLAIN_PATH = "^(/[.]*[A-Za-z0-9@_+-][A-Za-z0-9@._+-]*)+$";
export const PROGRAM_FILE = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$";
export const SYSTEM_USER = "^[a-z_][a-z0-9_-]{0,31}$";
/** Terraform passes the path of its script to a shell without quotes. */
export const SCRIPT_PATH = "^[.]?/[A-Za-z0-9@%+=:,./_-]+$";

/** An absolute path that needs no quotes anywhere. */
export function isPlainPath(text: string): boolean {
  return new RegExp(PLAIN_PATH).test(text);
}

export const NOT_A_PLAIN_PATH =
  'is not a plain absolute path; use letters, digits, "@", ".", "_", "+" and "-" between single slashes, without a slash at the end';

/** Whether two absolute paths are the same, or one of them is inside the other. */
export function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
