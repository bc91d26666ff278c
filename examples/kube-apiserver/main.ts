import { SensitiveFile } from "@cdktf/provider-local/lib/sensitive-file";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { EtcdCluster, SshKey } from "cdktf-etcd";

const app = new App();
const stack = new TerraformStack(app, "kube-apiserver");

const cluster = new EtcdCluster(stack, "etcd", {
  members: [
    { name: "etcd-1", address: "10.0.0.11" },
    { name: "etcd-2", address: "10.0.0.12" },
    { name: "etcd-3", address: "10.0.0.13" },
  ],
  ssh: { key: SshKey.file("~/.ssh/id_ed25519") },
  // Room for a large Kubernetes cluster. The API server compacts the history by itself.
  quotaBackendBytes: 8 * 1024 ** 3,
});

// The files for the API server's flags --etcd-certfile, --etcd-keyfile and --etcd-cafile.
const client = cluster.issueClientCertificate("kube-apiserver", { commonName: "kube-apiserver-etcd-client" });
const files = {
  "ca.crt": cluster.caBundlePem,
  "apiserver-etcd-client.crt": client.certPem,
  "apiserver-etcd-client.key": client.privateKeyPem,
};
for (const [name, content] of Object.entries(files)) {
  new SensitiveFile(stack, name, { filename: `\${path.module}/pki/etcd/${name}`, content, filePermission: "0600" });
}

// The value for the API server's flag --etcd-servers.
new TerraformOutput(stack, "etcd_servers", { value: cluster.endpoints });

app.synth();
