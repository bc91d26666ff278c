import { rmSync, symlinkSync } from "node:fs";
import { restartRelevant } from "../../src/render/startup-script";
import type { ClusterSettings } from "../../src/settings";
import { sha256 } from "./archive";
import { FakeCluster, installBinaries } from "./fake-etcd";
import { installSupervisor, type SupervisorPackage } from "./fake-supervisor";
import { type Host, IMPATIENT, type Run } from "./host";
import { base64 } from "./test-pki";

/** Runs a phase as root, with little patience. */
export function phase(host: Host, name: string, data: { [key: string]: string } = {}): Run {
  return host.call(`${IMPATIENT}trap 'leave $?' EXIT; phase_${name}`, { PHASE: name, ...data });
}

/** Terraform's record of the list of members, by its id. */
export const MEMBERSHIP = "5577006791947779410";

/** What health is told. */
export const HEALTH = {
  MEMBERSHIP,
  FOUNDING_MEMBERSHIP: "the first list",
  ROLLOUTS: ["a", "b", "c"].map((name) => `${name}=null_resource.rollout_${name}`).join(),
};

/** Runs a rollout for what is staged, or, as another deploy's, for what is not. */
export function rollout(host: Host, { cluster, ini }: { cluster?: Partial<ClusterSettings>; ini?: string } = {}): Run {
  return phase(host, "rollout", rolloutData(host, cluster, ini));
}

/** What a rollout is told of what it must find staged; the certificates of these hosts are empty. */
export function rolloutData(
  host: Host,
  cluster: Partial<ClusterSettings> = {},
  ini = host.programIni(),
): { [key: string]: string } {
  return {
    MEMBERSHIP,
    FOUNDING_MEMBERSHIP: "the first list",
    STARTUP_SHA256: sha256(Buffer.from(restartRelevant(host.startupScript(cluster)))),
    PROGRAM_INI_SHA256: sha256(Buffer.from(ini)),
    LEAF_SHA256: sha256(Buffer.from("")),
    CA_PEM_BASE64: "",
  };
}

/** A host on which everything is installed and staged, and nothing was started yet; and the cluster that its etcdctl sees. */
export function stagedHost(host: Host, supervisor: SupervisorPackage = "debian"): FakeCluster {
  installSupervisor(host, supervisor);
  installBinaries(host);
  host.write("/data/logs/etcd.log", "");
  const installed = `/opt/etcd-v${host.cluster.version}`;
  host.write(`${installed}/etcd-server-startup.sh`, host.startupScript(), 0o755);
  host.write(`${installed}/etcd-server.ini.next`, host.programIni());
  for (const file of ["ca.pem", "etcd-peer.pem", "etcd-peer-key.pem"]) host.write(`${installed}/certs.0/${file}`, "");
  symlinkSync("certs.0", host.path(`${installed}/certs`));
  return new FakeCluster(host);
}

/** A host whose member runs, healthy, in a cluster of three that is healthy, led by `b`. */
export function runningHost(host: Host, supervisor: SupervisorPackage = "debian"): FakeCluster {
  const cluster = stagedHost(host, supervisor);
  host.write("/data/etcd/member/wal/0.wal", "");
  host.call('put_directory "$DATA_DIR" 700; chown -hR "$ETCD_USER:" "$DATA_DIR"');
  host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
  host.call('register_program <"$INI_NEXT"; rm "$INI_NEXT"; supervisorctl update');
  const names = host.cluster.members.map(({ name }) => name);
  cluster.healthy(names.join(""));
  cluster.members(...names);
  host.forgetCalls();
  return cluster;
}

/** The same, before it is upgraded to the cluster's version: binaries of both lie there, and the new startup script is staged. */
export function upgradingHost(host: Host, from: string): FakeCluster {
  const cluster = runningHost(host);
  installBinaries(host, from);
  const [running, next] = [`/opt/etcd-v${from}`, `/opt/etcd-v${host.cluster.version}`];
  symlinkSync(`../etcd-v${host.cluster.version}/certs.0`, host.path(`${running}/certs`));
  host.write(`${running}/etcd-server-startup.sh`, host.startupScript(), 0o755);
  rmSync(host.path(`${next}/etcd-server-startup.sh`));
  host.write(`${next}/etcd-server-startup.sh.next`, host.startupScript(), 0o755);
  cluster.healthy(host.cluster.members.map(({ name }) => name).join(""), { version: from });
  return cluster;
}

/** Process id of the etcd that runs. */
export function pid(host: Host): string {
  return host.call("etcd_pid").lines.join();
}

/**
 * Has openssl's handshakes answered by shell text, which is given the other end as `$1` and writes what the server would show; all else is openssl's.
 * Each handshake is in `host.calls("openssl")`, by its other end.
 */
export function answerHandshakes(host: Host, script: string): void {
  host.stub(
    "openssl",
    `[ "$1" = s_client ] || exec '${host.path("/bin/openssl")}' "$@"\nset -- "$3"\necho "$1" >>"$CALLS"\n${script}`,
  );
}

/** What provisioners tell the phases that check the host. */
export function checkData(ca: string, leaf: string, authority = ca): { [key: string]: string } {
  return {
    CA_PEM_BASE64: base64(ca),
    AUTHORITY_PEM_BASE64: base64(authority),
    LEAF_PEM_BASE64: base64(leaf),
    OPERATOR_TIME: new Date().toISOString().replace(/\.\d+/, ""),
  };
}

/** What the kernel says is mounted on the host, beside its root, in its own spelling. */
export function mounted(host: Host, ...paths: string[]): void {
  const lines = ["/", ...paths].map((path, i) => `${30 + i} 1 8:${i} / ${path} rw - ext4 /dev/sd${i} rw\n`);
  host.write("/proc/self/mountinfo", lines.join(""));
}
