import { App, TerraformOutput, TerraformStack } from "cdktf";
import { EtcdCluster, SshKey } from "cdktf-etcd";

const app = new App();
const stack = new TerraformStack(app, "minimal");

const cluster = new EtcdCluster(stack, "etcd", {
  members: [
    { name: "etcd-1", address: "10.0.0.11" },
    { name: "etcd-2", address: "10.0.0.12" },
    { name: "etcd-3", address: "10.0.0.13" },
  ],
  ssh: { key: SshKey.file("~/.ssh/id_ed25519") },
});

new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });

app.synth();
