import { App, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { EtcdCluster, EtcdRelease, KeyType, SshKey } from "cdktf-etcd";

// The runbook as it was written: etcd 3.1.20, one RSA certificate for all members, and a plain HTTP listener on the
// loopback interface.
const app = new App();
const stack = new TerraformStack(app, "runbook");

// This old release was published without digests, so the program has to provide the digest of the archive.
const sha256 = new TerraformVariable(stack, "etcd_sha256", {
  type: "string",
  description: "SHA-256 of etcd-v3.1.20-linux-amd64.tar.gz, from a source that you trust",
});

const cluster = new EtcdCluster(stack, "etcd", {
  members: [
    { name: "etcd-server-7-12", address: "10.4.7.12", hostName: "hdss7-12" },
    { name: "etcd-server-7-21", address: "10.4.7.21", hostName: "hdss7-21" },
    { name: "etcd-server-7-22", address: "10.4.7.22", hostName: "hdss7-22" },
  ],
  ssh: { user: "root", key: SshKey.file("~/.ssh/id_rsa") },
  version: "3.1.20",
  release: EtcdRelease.github({ sha256: sha256.stringValue }),
  certificates: { sharedPeerCertificate: true, keyType: KeyType.RSA_2048 },
  quotaBackendBytes: 8_000_000_000,
  // Any local user of a host can read and write everything through this listener: leave it out unless something on the
  // host needs it.
  insecureLoopbackClientUrl: true,
});

new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });

app.synth();
