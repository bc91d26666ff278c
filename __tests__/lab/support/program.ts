/*
 * The program of the lab's scenarios: the runbook's cluster, with props from the environment that override its own. With
 * LAB_BACKUPS=yes, a cluster whose scenario does not set its backups takes one every minute.
 */
import {
  App,
  Fn,
  TerraformOutput,
  TerraformResource,
  TerraformStack,
  TerraformVariable,
  type LocalExecProvisioner,
  ref,
  Token,
} from "cdktf";
import {
  AutoCompaction,
  BackupRetention,
  CertificateAuthority,
  EtcdBackups,
  EtcdCluster,
  type EtcdClusterProps,
  EtcdDefragmentation,
  type EtcdMemberProps,
  EtcdRelease,
  EtcdRestore,
  KeyType,
  SshKey,
} from "cdktf-etcd";

const { ETCD_MIRROR = "", SSH_USER, SSH_PORT, SSH_PRIVATE_KEY_FILE, PROPS = "{}", SHA256, LAB_BACKUPS } = process.env;
const {
  localArchive,
  keyFromVariable,
  keepRevisions,
  keyType,
  hostBackups,
  defragment,
  restoreFrom,
  secondAuthority,
  importedAuthority,
  id,
  beside,
  machines,
  machinesApart,
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
  ...(LAB_BACKUPS === "yes" && { backups: EtcdBackups.onHosts({ every: "1m" }) }),
  ...overrides,
};
// Props that JSON cannot express: keys, backups, a restore, and a number of revisions that are kept.
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
if (keyType) Object.assign(props, { certificates: { keyType: KeyType[keyType as "RSA_2048"] } });
if (keepRevisions) Object.assign(props, { autoCompaction: AutoCompaction.revision(keepRevisions) });
if (keyFromVariable) {
  const variable = new TerraformVariable(stack, "ssh_private_key", { type: "string", sensitive: true });
  Object.assign(props, { ssh: { ...overrides.ssh, key: SshKey.pem(variable.stringValue) } });
}
// The members' machines are resources of the stack, or of a stack of their own.
if (machines) {
  const members = membersOnMachines(machinesApart ? new TerraformStack(app, "machines") : stack, machines);
  const inStack = machinesApart ? {} : { machinesInStack: true };
  Object.assign(props, { ...inStack, ...overrides, members, ssh: { ...props.ssh, timeout: "1m" } });
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
  if (machines)
    new TerraformResource(stack, "consumer", { terraformResourceType: "terraform_data", dependsOn: [cluster] });
}
// Further clusters of the stack, by id.
for (const [other, otherProps] of Object.entries<Partial<EtcdClusterProps>>(beside ?? {})) {
  new EtcdCluster(stack, other, { ...props, operatorCredentials: undefined, ...otherProps });
}
app.synth();

/** A machine as a scenario names it: another host or generation is another machine. */
interface Machine {
  readonly name: string;
  readonly host: string;
  readonly generation: number;
}

/**
 * Members on machines that Terraform makes: it resets a host of the lab, whose sshd is up a while later, and cuts its
 * power in the end. Like those of a cloud, they have an address that is known only after apply.
 */
function membersOnMachines(scope: TerraformStack, machines: Machine[]): EtcdMemberProps[] {
  // Terraform runs in the operator's network namespace, and the hosts are made outside.
  const lab = 'nsenter --net="$LAB_OUTSIDE" -- "$LAB_COMMAND" --name "$LAB_NAME"';
  const local = (command: string, when?: "destroy") =>
    ({ type: "local-exec", quiet: true, command, ...(when && { when }) }) as LocalExecProvisioner;
  const resource = new TerraformResource(scope, "machine", {
    terraformResourceType: "terraform_data",
    provisioners: [
      local(
        `host=\${self.input.host}; echo "machine: made on $host"; ${lab} kill $host && { ${lab} reset $host >"$TMPDIR/$host.log" 2>&1 & }`,
      ),
      local(`host=\${self.input.host}; echo "machine: gone from $host"; ${lab} kill $host`, "destroy"),
    ],
  });
  const keys = machines.map(({ name, ...machine }) => [
    name,
    { ...machine, address: `10.4.7.${machine.host.split("-")[1]}` },
  ]);
  resource.addOverride("for_each", Object.fromEntries(keys));
  resource.addOverride("input", "${each.value}");
  resource.addOverride("triggers_replace", "${each.value}");
  const of = (name: string, attribute: string) =>
    Token.asString(ref(`terraform_data.${resource.friendlyUniqueId}["${name}"].${attribute}`, scope));
  return machines.map(({ name, host }) => ({
    name,
    address: of(name, "output.address"),
    hostName: host,
    machine: of(name, "id"),
  }));
}

/** From a member's host if there is a member, and what the member has if there is no path. */
function restoreOf({ member, path, ...options }: { member?: string; path?: string }): EtcdRestore {
  if (member === undefined) return EtcdRestore.fromFile(path ?? "", options);
  return path === undefined ? EtcdRestore.fromMember(member, options) : EtcdRestore.fromHost(member, path, options);
}
