import { Fn, Token } from "cdktf";
import type { Construct } from "constructs";
import { type CertificateOptions, DEFAULT_PEER_COMMON_NAME } from "./certificate-options";
import type { MemberSettings } from "../settings";
import { isIpAddress } from "../validation/formats";
import { isKnown } from "../validation/problem";
import type { CertificateAuthority } from "./certificate-authority";
import { CertificateProfile } from "./certificate-profile";
import type { LeafCertificate } from "./leaf-certificate";

/**
 * The peer certificate of each member, by member name: one per member, with only that member's SANs, or one for all
 * members, as in the runbook.
 */
export function peerCertificates(
  scope: Construct,
  authority: CertificateAuthority,
  members: readonly MemberSettings[],
  options: CertificateOptions = {},
): { [member: string]: LeafCertificate } {
  const issue = (id: string, holders: readonly MemberSettings[]) =>
    authority.issue(scope, id, {
      profile: CertificateProfile.PEER,
      commonName: options.commonName ?? DEFAULT_PEER_COMMON_NAME,
      dnsNames: [...holders.flatMap(dnsNamesOf), ...(options.dnsNames ?? [])],
      ipAddresses: [...holders.flatMap(ipAddressesOf), ...(options.ipAddresses ?? [])],
      validityHours: options.validityHours,
      earlyRenewalHours: options.earlyRenewalHours,
      keyType: options.keyType,
    });

  if (options.sharedPeerCertificate) {
    const shared = issue("shared", members);
    return Object.fromEntries(members.map(({ name }) => [name, shared]));
  }
  return Object.fromEntries(members.map((member) => [member.name, issue(member.name, [member])]));
}

/** The names by which clients and the other members reach a member. */
function dnsNamesOf({ hostName, address, listenAddress }: MemberSettings): string[] {
  const names = hostName === undefined ? [] : [hostName];
  if (isKnown(address)) return isIpAddress(address) ? names : [...names, address];
  return address === listenAddress ? names : [...names, whereIp(address, "", address)];
}

/** The addresses at which a member is reached, and from which it sends: etcd compares the latter with the certificate. */
function ipAddressesOf({ address, listenAddress }: MemberSettings): string[] {
  if (address === listenAddress) return [address];
  return isKnown(address) ? [listenAddress] : [whereIp(address, address, ""), listenAddress];
}

/** An expression for a token that stands for an IP address or for a DNS name: no name ends in a number, or has a colon. */
function whereIp(token: string, then: string, otherwise: string): string {
  const isIp = Fn.can(Fn.regex(":|^[0-9.]+$", token));
  return Token.asString(Fn.conditional(isIp, then, otherwise));
}
