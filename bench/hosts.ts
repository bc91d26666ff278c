import { join } from "node:path";
import { HOSTS, type Lab } from "../__tests__/lab/support/lab";

/**
 * Resets the hosts and installs curl. The script takes curl for granted, and supervisor, which the lab has installed.
 */
export async function cleanHosts(lab: Lab, hosts = Object.keys(HOSTS)): Promise<void> {
  await lab.lab("reset");
  await lab.onAll("apt-get -q update && apt-get -qy install curl", hosts);
}

/**
 * The URL from which the lab's hosts download a version, its digest, and the version itself: arguments of the scripts.
 */
export async function release(lab: Lab, version: string): Promise<[string, string, string]> {
  const url = `http://10.4.7.1:8080/etcd/v${version}/etcd-v${version}-linux-amd64.tar.gz`;
  return [url, await lab.digest(version), version];
}

/** The command for the hand-written first deploy, which leaves its certificates in `directory`. */
export async function reference(lab: Lab, version: string, directory: string): Promise<string[]> {
  return [join(__dirname, "reference.sh"), ...(await release(lab, version)), directory];
}
