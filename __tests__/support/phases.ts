import { rmSync, symlinkSync } from "node:fs";
import { restartRelevant } from "../../src/render/startup-script";
import type { ClusterSettings } from "../../src/settings";
import { sha256 } from "./archive";
import { FakeCluster, installBinaries } from "./fake-etcd";
import { installSupervisor, type SupervisorPackage } from "./fake-supervisor";
import { type Host, IMPATIENT, type Run } from "./host";
import { base64 } from "./test-pki";

/** Runs a phase as root, with short waits. The id of its process is in /run/phase. */
export function phase(host: Host, name: string, data: { [key: string]: string } = {}): Run {
  const text = `echo $$ >'${host.path("/run/phase")}'; ${IMPATIENT}trap 'leave $?' EXIT; phase_${name}`;
  return host.call(text, { PHASE: name, ...data });
}

/** The id of Terraform's record of the list of members. */
export const MEMBERSHIP = "5577006791947779410";

/** The data that health is given. */
export const HEALTH = {
  MEMBERSHIP,
  FOUNDING_MEMBERSHIP: "the first list",
  ROLLOUTS: ["a", "b", "c"].map((name) => `${name}=null_resource.rollout_${name}`).join(),
  STAGES: ["a", "b", "c"].map((name) => `${name}=null_resource.stage_${name}`).join(),
  LEAVES: "",
};

/** Runs a rollout for what is staged or, with other props, for what is not staged, as that of another deploy would. */
export function rollout(host: Host, { cluster, ini }: { cluster?: Partial<ClusterSettings>; ini?: string } = {}): Run {
  return phase(host, "rollout", rolloutData(host, cluster, ini));
}

/** The data by which a rollout knows what it must find staged; the certificates of these hosts are empty. */
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

/**
 * Prepares a host on which everything is installed and staged, and nothing was started yet. Returns the cluster that
 * its etcdctl sees.
 */
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

/** Prepares a host whose member is running and healthy, in a healthy cluster of three that `b` leads. */
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

/** The same, with a cluster of these members (dead ones in capitals); the program has `a`, `b` and `c`. */
export function hostInCluster(host: Host, letters: string): { host: Host; cluster: FakeCluster } {
  const cluster = runningHost(host);
  cluster.members(...letters.toLowerCase());
  cluster.healthy(letters.toLowerCase());
  cluster.unhealthy(letters.replace(/[a-z]/g, "").toLowerCase());
  return { host, cluster };
}

/**
 * Prepares such a host before an upgrade to the cluster's version: the binaries of both versions are installed, and the
 * new startup script is staged.
 */
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

/** The process ID of the etcd that is running. */
export function pid(host: Host): string {
  return host.call("etcd_pid").lines.join();
}

/**
 * Makes a shell text answer the TLS handshakes of openssl. It gets the address of the other end as `$1`, and prints
 * what the server would show. All other calls go to the real openssl. Each handshake is recorded in
 * `host.calls("openssl")`, by the address of its other end.
 */
export function answerHandshakes(host: Host, script: string): void {
  host.stub(
    "openssl",
    `[ "$1" = s_client ] || exec '${host.path("/bin/openssl")}' "$@"\nset -- "$3"\necho "$1" >>"$CALLS"\n${script}`,
  );
}

/** The data that provisioners give to the phases that check the host. */
export function checkData(ca: string, leaf: string, authority = ca): { [key: string]: string } {
  return {
    CA_PEM_BASE64: base64(ca),
    AUTHORITY_PEM_BASE64: base64(authority),
    LEAF_PEM_BASE64: base64(leaf),
    CHECKED_SHA256: sha256(Buffer.from([ca, leaf, authority].join("\n"))),
    OPERATOR_TIME: new Date().toISOString().replace(/\.\d+/, ""),
  };
}

/** Makes these paths appear as mounted on the host, besides its root; they are spelled as the kernel spells them. */
export function mounted(host: Host, ...paths: string[]): void {
  const lines = ["/", ...paths].map((path, i) => `${30 + i} 1 8:${i} / ${path} rw - ext4 /dev/sd${i} rw\n`);
  host.write("/proc/self/mountinfo", lines.join(""));
}
