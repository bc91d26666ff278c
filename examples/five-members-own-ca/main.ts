import { App, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { CertificateAuthority, EtcdCluster, SshKey } from "cdktf-etcd";

const app = new App();
const stack = new TerraformStack(app, "five-members");

// An existing CA. Its private key comes from the environment (TF_VAR_ca_private_key); it signs the certificates, and is
// never copied to a host.
const caCert = new TerraformVariable(stack, "ca_cert", {
  type: "string",
  description: "Certificate of the CA, in PEM",
});
const caPrivateKey = new TerraformVariable(stack, "ca_private_key", {
  type: "string",
  sensitive: true,
  description: "Private key of the CA, in PEM",
});
const authority = CertificateAuthority.fromPem(stack, "company-ca", {
  certPem: caCert.stringValue,
  privateKeyPem: caPrivateKey.stringValue,
});

const cluster = new EtcdCluster(stack, "etcd", {
  // Any two members may fail, and so may any one rack.
  members: [
    { name: "rack1-a", address: "10.0.1.11", hostName: "rack1-a.example" },
    { name: "rack1-b", address: "10.0.1.12", hostName: "rack1-b.example" },
    { name: "rack2-a", address: "10.0.2.11", hostName: "rack2-a.example" },
    { name: "rack2-b", address: "10.0.2.12", hostName: "rack2-b.example" },
    { name: "rack3-a", address: "10.0.3.11", hostName: "rack3-a.example", ssh: { port: 2222 } },
  ],
  ssh: { user: "ops", key: SshKey.file("~/.ssh/id_ed25519") },
  certificates: {
    authority,
    // Clients may connect through a load balancer.
    dnsNames: ["etcd.example"],
    ipAddresses: ["10.0.0.100"],
    validityHours: 365 * 24,
  },
  // The racks are further apart than etcd's defaults assume.
  heartbeatInterval: 200,
  electionTimeout: 2000,
});

new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });

app.synth();
