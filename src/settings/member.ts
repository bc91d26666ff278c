import { clientUrl, peerUrl } from "../topology/urls";
import { resolveSsh, type SshOptions, type SshSettings } from "./ssh";

/** One etcd server of the cluster, and the host that it runs on. */
export interface EtcdMemberProps {
  /**
   * Name of the member: etcd's `--name`, and the name of its supervisor program.
   *
   * Unique in the cluster; letters, digits, `.`, `_` and `-`, at most 63 characters.
   * It is the member's identity in Terraform: a new name is a new member.
   */
  readonly name: string;

  /**
   * IP address on which peers and clients reach the member: IPv4 or IPv6, no brackets, no port.
   *
   * It must be on one of the host's interfaces; loopback and unspecified addresses are refused.
   */
  readonly address: string;

  /**
   * Host name of the machine, used in messages and as a DNS SAN of the member's certificate.
   *
   * @default - the address is used in messages, and the certificate has IP SANs only
   */
  readonly hostName?: string;

  /**
   * SSH settings of this host; each one given here replaces the cluster's.
   *
   * @default - the cluster's `ssh`
   */
  readonly ssh?: SshOptions;

  /**
   * Raise it by one to have the member made anew on its host: after the host was replaced by an empty machine, or its data directory was lost.
   *
   * The next deploy installs everything again; a member whose data are gone is taken out of the cluster and joined again.
   * Data that are there are kept.
   *
   * @default 0
   */
  readonly reprovision?: number;
}

/** One member. */
export interface MemberSettings {
  readonly name: string;
  readonly address: string;
  /** For messages: the host's name, or the address. */
  readonly host: string;
  /** For the certificate: the host's name, when there is one. */
  readonly hostName?: string;
  readonly ssh: SshSettings;
  /** `https://10.4.7.12:2380` */
  readonly peerUrl: string;
  /** `https://10.4.7.12:2379` */
  readonly clientUrl: string;
  /** How often the member was made anew on its host. */
  readonly reprovision: number;
}

/** @param ssh The cluster's SSH settings. */
export function resolveMember(
  member: EtcdMemberProps,
  ssh: SshOptions,
  peerPort: number,
  clientPort: number,
): MemberSettings {
  return {
    name: member.name,
    address: member.address,
    host: member.hostName ?? member.address,
    hostName: member.hostName,
    ssh: resolveSsh(ssh, member.ssh, member.address),
    peerUrl: peerUrl(member.address, peerPort),
    clientUrl: clientUrl(member.address, clientPort),
    reprovision: member.reprovision ?? 0,
  };
}
