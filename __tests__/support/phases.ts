import { symlinkSync } from "node:fs";
import { FakeCluster, installBinaries } from "./fake-etcd";
import { installSupervisor, type SupervisorPackage } from "./fake-supervisor";
import type { Host, Run } from "./host";
import { base64 } from "./test-pki";

/** `wait_until` that gives up after half a second: for what will not happen. */
const IMPATIENT = `
wait_until() {
  shift
  for _ in 1 2 3 4 5; do
    "$@" && return
    sleep 0.1
  done
  return 1
}
`;

/** Runs a phase as root, with little patience. */
export function phase(host: Host, name: string, data: { [key: string]: string } = {}): Run {
  return host.call(`${IMPATIENT}phase_${name}`, { PHASE: name, ...data });
}

/** A host on which everything is installed and staged, and nothing was started yet; and the cluster that its etcdctl sees. */
export function stagedHost(host: Host, supervisor: SupervisorPackage = "debian"): FakeCluster {
  installSupervisor(host, supervisor);
  installBinaries(host);
  host.write("/data/logs/etcd.log", "");
  host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh", host.startupScript(), 0o755);
  host.write("/opt/etcd-v3.6.14/etcd-server.ini.next", host.programIni());
  for (const file of ["ca.pem", "etcd-peer.pem", "etcd-peer-key.pem"])
    host.write(`/opt/etcd-v3.6.14/certs.0/${file}`, "");
  symlinkSync("certs.0", host.path("/opt/etcd-v3.6.14/certs"));
  return new FakeCluster(host);
}

/** A host whose member runs, healthy, in a cluster of three that is healthy, led by `b`. */
export function runningHost(host: Host, supervisor: SupervisorPackage = "debian"): FakeCluster {
  const cluster = stagedHost(host, supervisor);
  host.write("/data/etcd/member/wal/0.wal", "");
  host.call('put_directory "$DATA_DIR" 700');
  host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
  host.call('register_program <"$INI_NEXT"; rm "$INI_NEXT"; supervisorctl update');
  const names = host.cluster.members.map(({ name }) => name);
  for (const name of names) cluster.healthy(name);
  cluster.members(...names.map((name, i) => [String(i + 1), "started", name] as const));
  host.forgetCalls();
  return cluster;
}

/** Process id of the etcd that runs. */
export function pid(host: Host): string {
  return host.call("etcd_pid").lines.join();
}

/** What provisioners tell the phases that check the host. */
export function checkData(ca: string): { [key: string]: string } {
  return { CA_PEM_BASE64: base64(ca), OPERATOR_TIME: new Date().toISOString().replace(/\.\d+/, "") };
}
