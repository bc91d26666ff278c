import type { Construct } from "constructs";
import { type CertificateOptions, DEFAULT_PEER_COMMON_NAME } from "./certificate-options";
import type { MemberSettings } from "../settings";
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
      dnsNames: [...holders.flatMap(({ hostName }) => hostName ?? []), ...(options.dnsNames ?? [])],
      ipAddresses: [...holders.map(({ address }) => address), ...(options.ipAddresses ?? [])],
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
