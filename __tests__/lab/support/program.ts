/* The program of the lab's scenarios: the runbook's cluster, with props from the environment that override its own. */
import { App, Fn, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import {
  AutoCompaction,
  BackupRetention,
  CertificateAuthority,
  EtcdBackups,
  EtcdCluster,
  type EtcdClusterProps,
  EtcdDefragmentation,
  EtcdRelease,
  EtcdRestore,
  SshKey,
} from "cdktf-etcd";

const { ETCD_MIRROR = "", SSH_USER, SSH_PORT, SSH_PRIVATE_KEY_FILE, PROPS = "{}", SHA256 } = process.env;
const {
  localArchive,
  keyFromVariable,
  keepRevisions,
  hostBackups,
  defragment,
  restoreFrom,
  secondAuthority,
  importedAuthority,
  id,
  beside,
  ...overrides
} = JSON.parse(PROPS);

const app = new App({ outdir: "cdktf.out" });
const stack = new TerraformStack(app, "etcd");
const props: EtcdClusterProps = {
  members: [
    { name: "etcd-server-7-12", address: "10.4.7.12", hostName: "hdss7-12" },
    { name: "etcd-server-7-21", address: "10.4.7.21", hostName: "hdss7-21" },
    { name: "etcd-server-7-22", address: "10.4.7.22", hostName: "hdss7-22" },
  ],
  ssh: { user: SSH_USER, port: Number(SSH_PORT ?? 22), key: SshKey.file(SSH_PRIVATE_KEY_FILE ?? ""), timeout: "10s" },
  release: localArchive
    ? EtcdRelease.localArchive(localArchive, { sha256: SHA256 })
    : EtcdRelease.mirror(ETCD_MIRROR, { sha256: SHA256 }),
  operatorCredentials: { directory: "credentials" },
  ...overrides,
};
// Props that JSON cannot express: a key in a file, backups, a restore, and a number of revisions that are kept.
if (overrides.ssh?.keyFile) {
  const { keyFile, ...ssh } = overrides.ssh;
  Object.assign(props, { ssh: { ...ssh, key: SshKey.file(keyFile) } });
}
if (hostBackups) {
  const { keepLast, ...options } = hostBackups;
  Object.assign(props, { backups: EtcdBackups.onHosts({ ...options, keep: BackupRetention.last(keepLast) }) });
}
if (defragment) Object.assign(props, { defragmentation: EtcdDefragmentation.onHosts(defragment) });
if (restoreFrom) Object.assign(props, { restore: restoreOf(restoreFrom) });
if (keepRevisions) Object.assign(props, { autoCompaction: AutoCompaction.revision(keepRevisions) });
if (keyFromVariable) {
  const variable = new TerraformVariable(stack, "ssh_private_key", { type: "string", sensitive: true });
  Object.assign(props, { ssh: { ...overrides.ssh, key: SshKey.pem(variable.stringValue) } });
}
// A change from the cluster's own CA to a second one. The second one is "trusted" in addition to the cluster's own,
// then it is "signing" while the cluster's own is still trusted, and then it is "alone".
if (secondAuthority) {
  const second = new CertificateAuthority(stack, "second-ca", { commonName: "second-ca" });
  Object.assign(props, {
    certificates: {
      ...overrides.certificates,
      ...(secondAuthority === "trusted"
        ? { trustedAuthorities: [second] }
        : { authority: second, trustOwnAuthority: secondAuthority === "signing" }),
    },
  });
}
// The operator's own CA: PEM files ca.pem and ca-key.pem in a directory.
if (importedAuthority) {
  const authority = CertificateAuthority.fromPem(stack, "imported-ca", {
    certPem: Fn.file(`${importedAuthority}/ca.pem`),
    privateKeyPem: Fn.sensitive(Fn.file(`${importedAuthority}/ca-key.pem`)),
  });
  Object.assign(props, { certificates: { ...overrides.certificates, authority } });
}
// The construct's id; "" stands for a stack from which the last cluster was removed.
if (id === "") {
  EtcdCluster.stopRemovedClusters(stack);
} else {
  const cluster = new EtcdCluster(stack, id ?? "etcd", props);
  new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });
  new TerraformOutput(stack, "certificate_ends", { value: cluster.certificateEnds });
}
// Further clusters of the stack, by id.
for (const [other, otherProps] of Object.entries<Partial<EtcdClusterProps>>(beside ?? {})) {
  new EtcdCluster(stack, other, { ...props, operatorCredentials: undefined, ...otherProps });
}
app.synth();

/** From a member's host if there is a member, and what the member has if there is no path. */
function restoreOf({ member, path, ...options }: { member?: string; path?: string }): EtcdRestore {
  if (member === undefined) return EtcdRestore.fromFile(path ?? "", options);
  return path === undefined ? EtcdRestore.fromMember(member, options) : EtcdRestore.fromHost(member, path, options);
}
