import { App, TerraformOutput, TerraformStack } from "cdktf";
import { EtcdCluster, EtcdRelease, SshKey } from "cdktf-etcd";

// The runbook's topology. The etcd version and the SSH settings come from the environment, and so do a mirror and, for
// a version without a known digest, the digest.
const { ETCD_VERSION, ETCD_MIRROR, ETCD_SHA256, SSH_USER, SSH_PORT, SSH_PRIVATE_KEY_FILE } = process.env;

const app = new App();
const stack = new TerraformStack(app, "etcd");

const cluster = new EtcdCluster(stack, "etcd", {
  members: [
    { name: "etcd-server-7-12", address: "10.4.7.12", hostName: "hdss7-12" },
    { name: "etcd-server-7-21", address: "10.4.7.21", hostName: "hdss7-21" },
    { name: "etcd-server-7-22", address: "10.4.7.22", hostName: "hdss7-22" },
  ],
  ssh: {
    user: SSH_USER,
    port: SSH_PORT ? Number(SSH_PORT) : undefined,
    key: SshKey.file(SSH_PRIVATE_KEY_FILE ?? "~/.ssh/id_ed25519"),
  },
  version: ETCD_VERSION,
  release: ETCD_MIRROR
    ? EtcdRelease.mirror(ETCD_MIRROR, { sha256: ETCD_SHA256 })
    : EtcdRelease.github({ sha256: ETCD_SHA256 }),
  certificates: { sharedPeerCertificate: true },
  operatorCredentials: { directory: "credentials" },
});

new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });
new TerraformOutput(stack, "certificate_ends", { value: cluster.certificateEnds });

app.synth();
