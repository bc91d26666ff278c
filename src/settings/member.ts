import { isIP } from "node:net";
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
   * Where peers and clients reach the member: an IP address (IPv4, or IPv6 without brackets), or a DNS name.
   *
   * An IP address must be assigned to one of the host's interfaces; loopback and unspecified addresses are refused. A DNS
   * name needs `listenAddress`, and must lead there on all hosts, by DNS or `/etc/hosts`. A token stands for an IPv4
   * address; with `listenAddress`, for a DNS name.
   *
   * The cluster identifies a member by its address and port, so a running member's address cannot be changed. A name
   * may move to another IP address: docs/names.md.
   */
  readonly address: string;

  /**
   * IP address at which etcd listens on the host: IPv4 or IPv6, without brackets and port. To be set if `address` is a
   * DNS name, which must lead to this address on all hosts. A change restarts this member: docs/names.md.
   *
   * It must be assigned to one of the host's interfaces; loopback and unspecified addresses (`0.0.0.0`) are refused.
   *
   * @default - `address`, which must then be an IP address
   */
  readonly listenAddress?: string;

  /**
   * Host name of the machine, used in messages and as a DNS SAN of the member's certificate.
   *
   * @default - the address is used in messages, and the certificate has no further DNS SAN
   */
  readonly hostName?: string;

  /**
   * SSH settings of this host. Each setting that is given here replaces the cluster's.
   *
   * @default - the cluster's `ssh`
   */
  readonly ssh?: SshOptions;

  /**
   * Increase it by one to re-provision the member after its host was replaced by an empty machine, or after its data
   * directory was lost.
   *
   * The next deploy installs everything again. If the member's data are gone, the deploy removes the member from the
   * cluster and joins it again. Data that are still there are kept.
   *
   * @default 0
   */
  readonly reprovision?: number;

  /**
   * What identifies the machine: an id that is another one when the machine is, such as the id of its resource in the
   * program. A token is allowed.
   *
   * If it changes, the next deploy runs the member's phases again: a machine that Terraform has replaced, and that has
   * the old address, becomes a member in the same apply. A member that has its data stays as it is, but with
   * `machinesInStack` it is taken out of the cluster first. When a deploy sets it for the first time, it installs
   * everything again and restarts nothing.
   *
   * @default - a machine that was replaced and kept its address is not noticed
   */
  readonly machine?: string;
}

/** The settings of one member, with every default filled in. */
export interface MemberSettings {
  readonly name: string;
  readonly address: string;
  /** The IP address at which etcd listens. */
  readonly listenAddress: string;
  /** The host name or, if there is none, the address; used in messages. */
  readonly host: string;
  /** The host name, if there is one; used in the certificate. */
  readonly hostName?: string;
  readonly ssh: SshSettings;
  /** `https://10.4.7.12:2380` */
  readonly peerUrl: string;
  /** `https://10.4.7.12:2379` */
  readonly clientUrl: string;
  /** The same with the address at which etcd listens. */
  readonly listenPeerUrl: string;
  readonly listenClientUrl: string;
  /** How often the member was re-provisioned. */
  readonly reprovision: number;
  /** The id of the machine, if the program has one. */
  readonly machine?: string;
}

/** @param ssh The cluster's SSH settings. */
export function resolveMember(
  member: EtcdMemberProps,
  ssh: SshOptions,
  peerPort: number,
  clientPort: number,
): MemberSettings {
  // Two spellings of one IPv6 address are the same address.
  const { listenAddress = member.address } = isIP(member.address) ? { listenAddress: member.address } : member;
  return {
    name: member.name,
    address: member.address,
    listenAddress,
    host: member.hostName ?? member.address,
    hostName: member.hostName,
    ssh: resolveSsh(ssh, member.ssh, member.address),
    peerUrl: peerUrl(member.address, peerPort),
    clientUrl: clientUrl(member.address, clientPort),
    listenPeerUrl: peerUrl(listenAddress, peerPort),
    listenClientUrl: clientUrl(listenAddress, clientPort),
    reprovision: member.reprovision ?? 0,
    machine: member.machine,
  };
}
