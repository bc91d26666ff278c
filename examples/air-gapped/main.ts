import { App, TerraformOutput, TerraformStack } from "cdktf";
import { EtcdCluster, EtcdRelease, SshKey } from "cdktf-etcd";

// Hosts without Internet access, behind a bastion: the archive is pushed to them over SSH. supervisor must already be
// installed on them, or be available from a package source that they can reach.
const app = new App();
const stack = new TerraformStack(app, "air-gapped");

const cluster = new EtcdCluster(stack, "etcd", {
  members: [
    { name: "etcd-1", address: "10.0.0.11" },
    { name: "etcd-2", address: "10.0.0.12" },
    { name: "etcd-3", address: "10.0.0.13" },
  ],
  ssh: {
    user: "ops",
    key: SshKey.file("~/.ssh/id_ed25519"),
    bastionHost: "bastion.example",
    // The key of the SSH CA that signed the host certificates of the bastion and of all hosts: Terraform checks both
    // against this one key.
    hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITheSshCa",
    timeout: "3m",
  },
  // Download it on a machine with Internet access. This package knows its digest and checks it on each host.
  release: EtcdRelease.localArchive("downloads/etcd-v3.6.14-linux-amd64.tar.gz"),
  paths: { installRoot: "/srv/etcd", dataDir: "/srv/etcd-data", logDir: "/var/log/etcd" },
});

new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });

app.synth();
