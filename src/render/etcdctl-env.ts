import { needsApiVariable } from "../release/etcdctl";
import type { ClusterSettings } from "../settings";
import { endpoints } from "../topology/endpoints";
import { renderEnv } from "./env-file";
import type { CredentialFiles } from "./layout";
import { alwaysQuote } from "./shell-quote";

/**
 * The environment file that makes a plain `etcdctl member list` work after `. etcdctl.env`.
 *
 * @param directory The directory of the credentials.
 * @param files The names of the files in it.
 * @param tools The directory of etcdctl, on a host, where no login has it in its PATH.
 */
export function renderEtcdctlEnv(
  cluster: Pick<ClusterSettings, "members" | "version">,
  directory: string,
  files: CredentialFiles,
  tools?: string,
): string {
  const ca = `${directory}/${files.ca}`;
  const cert = `${directory}/${files.cert}`;
  const key = `${directory}/${files.key}`;
  const variables = {
    ETCDCTL_ENDPOINTS: endpoints(cluster.members),
    ETCDCTL_CACERT: ca,
    ETCDCTL_CERT: cert,
    ETCDCTL_KEY: key,
    // These versions of etcdctl have both APIs: `ETCDCTL_API=2 etcdctl cluster-health` reads the credentials from
    // variables of its own.
    ...(needsApiVariable(cluster.version)
      ? { ETCDCTL_API: "3", ETCDCTL_CA_FILE: ca, ETCDCTL_CERT_FILE: cert, ETCDCTL_KEY_FILE: key }
      : {}),
  };
  const path = tools === undefined ? "" : `PATH=${alwaysQuote(tools)}:$PATH\n`;
  return `${renderEnv(variables)}export ${Object.keys(variables).join(" ")}\n${path}${noProxy(cluster.members)}`;
}

/**
 * Without this, etcdctl would use the machine's proxy, which does not know these addresses. Addresses that already
 * bypass the proxy still do.
 */
function noProxy(members: ClusterSettings["members"]): string {
  const addresses = alwaysQuote(members.map(({ address }) => address).join(","));
  return `: "\${NO_PROXY:=\${no_proxy:-}}"\nNO_PROXY=${addresses}"\${NO_PROXY:+,$NO_PROXY}"\nno_proxy=$NO_PROXY\nexport NO_PROXY no_proxy\n`;
}
