import { join } from "node:path";
import { HOSTS, type Lab } from "../__tests__/lab/support/lab";

/** Clean hosts with what the script takes for granted: supervisor and curl. */
export async function cleanHosts(lab: Lab, hosts = Object.keys(HOSTS)): Promise<void> {
  await lab.lab("reset");
  await lab.onAll("apt-get -q update && apt-get -qy install curl", hosts);
}

/** Where the lab's hosts get this version, its digest, and the version. */
export async function release(lab: Lab, version: string): Promise<[string, string, string]> {
  const url = `http://10.4.7.1:8080/etcd/v${version}/etcd-v${version}-linux-amd64.tar.gz`;
  return [url, await lab.digest(version), version];
}

/** The hand-written first deploy, as a command; certificates lie in `directory` afterwards. */
export async function reference(lab: Lab, version: string, directory: string): Promise<string[]> {
  return [join(__dirname, "reference.sh"), ...(await release(lab, version)), directory];
}
