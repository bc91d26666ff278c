import { type ClusterSettings, type EtcdClusterProps, SshKey, resolveClusterProps } from "../../src/settings";

/** The runbook's topology. */
export const RUNBOOK: EtcdClusterProps = {
  members: [
    { name: "etcd-server-7-12", address: "10.4.7.12", hostName: "hdss7-12" },
    { name: "etcd-server-7-21", address: "10.4.7.21", hostName: "hdss7-21" },
    { name: "etcd-server-7-22", address: "10.4.7.22", hostName: "hdss7-22" },
  ],
  ssh: { key: SshKey.file("~/.ssh/id_ed25519") },
};

/** The runbook's cluster with some props changed. */
export function runbookWith(props: Partial<EtcdClusterProps>): ClusterSettings {
  return resolveClusterProps({ ...RUNBOOK, ...props });
}
