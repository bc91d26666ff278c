import type { EtcdClusterProps } from "../../src/props";
import { resolveClusterProps } from "../../src/resolve-props";
import type { ClusterSettings } from "../../src/settings";

/** The runbook's topology. */
export const RUNBOOK: EtcdClusterProps = {
  members: [
    { name: "etcd-server-7-12", address: "10.4.7.12", host: "hdss7-12" },
    { name: "etcd-server-7-21", address: "10.4.7.21", host: "hdss7-21" },
    { name: "etcd-server-7-22", address: "10.4.7.22", host: "hdss7-22" },
  ],
  ssh: { privateKeyFile: "~/.ssh/id_ed25519" },
};

/** The runbook's cluster with some props changed. */
export function runbookWith(props: Partial<EtcdClusterProps>): ClusterSettings {
  return resolveClusterProps({ ...RUNBOOK, ...props });
}
