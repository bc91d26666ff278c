/*
 * Three Droplets of DigitalOcean in a network of their own, and etcd on them. The domain and the SSH key must already
 * be in the account; DIGITALOCEAN_TOKEN is the token of its API. Every choice made here, and what of it has been run:
 * docs/provisioned-hosts.md.
 */
import { App, Fn, TerraformStack } from "cdktf";
import { EtcdCluster, SshKey } from "cdktf-etcd";
import { DataDigitaloceanSshKey } from "@cdktf/provider-digitalocean/lib/data-digitalocean-ssh-key";
import { Droplet } from "@cdktf/provider-digitalocean/lib/droplet";
import { Firewall } from "@cdktf/provider-digitalocean/lib/firewall";
import { DigitaloceanProvider } from "@cdktf/provider-digitalocean/lib/provider";
import { Record } from "@cdktf/provider-digitalocean/lib/record";
import { Tag } from "@cdktf/provider-digitalocean/lib/tag";
import { Vpc } from "@cdktf/provider-digitalocean/lib/vpc";
import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";

const DOMAIN = "example.com";
const REGION = "fra1";
// From where Terraform runs: nobody else reaches the machines over SSH.
const OPERATORS = ["203.0.113.0/24"];

const app = new App();
const stack = new TerraformStack(app, "digitalocean");
new DigitaloceanProvider(stack, "digitalocean");
const login = new DataDigitaloceanSshKey(stack, "login", { name: "operator" });
const tag = new Tag(stack, "tag", { name: "etcd" });
const vpc = new Vpc(stack, "vpc", { name: "etcd", region: REGION, ipRange: "10.10.10.0/24" });

// It holds for every machine with the tag: a machine that is replaced, or comes later, has it from its start.
const firewall = new Firewall(stack, "firewall", {
  name: "etcd",
  tags: [tag.id],
  inboundRule: [
    { protocol: "tcp", portRange: "22", sourceAddresses: OPERATORS },
    { protocol: "tcp", portRange: "2379", sourceAddresses: [vpc.ipRange] },
    { protocol: "tcp", portRange: "2380", sourceTags: [tag.id] },
  ],
  outboundRule: ["tcp", "udp"].map((protocol) => ({
    protocol,
    portRange: "1-65535",
    destinationAddresses: ["0.0.0.0/0", "::/0"],
  })),
});

const machines = ["etcd-1", "etcd-2", "etcd-3"].map((name) => {
  // With a host key that the program makes, Terraform knows from the first connection on that this is the machine.
  const hostKey = new PrivateKey(stack, `${name}-host-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" });
  const cloudConfig = {
    users: [
      { name: "admin", sudo: "ALL=(ALL) NOPASSWD:ALL", shell: "/bin/bash", ssh_authorized_keys: [login.publicKey] },
    ],
    ssh_keys: { ecdsa_private: hostKey.privateKeyOpenssh, ecdsa_public: hostKey.publicKeyOpenssh },
  };
  const droplet = new Droplet(stack, name, {
    name,
    region: REGION,
    image: "debian-12-x64",
    size: "s-2vcpu-4gb",
    vpcUuid: vpc.id,
    tags: [tag.id],
    // Without a key, DigitalOcean sends a password for root by e-mail.
    sshKeys: [login.fingerprint],
    // JSON is YAML, too.
    userData: `#cloud-config\n${Fn.jsonencode(cloudConfig)}`,
    // An edit of these is for machines made later. The provider would replace all machines in one apply for it or, for
    // another size, switch all of them off at once.
    lifecycle: { ignoreChanges: ["image", "size", "ssh_keys", "user_data"] },
  });
  return { name, droplet, hostKey };
});

const cluster = new EtcdCluster(stack, "etcd", {
  members: machines.map(({ name, droplet, hostKey }) => ({
    name,
    // The name under which clients find the member; see below.
    hostName: `${name}.${DOMAIN}`,
    // Members and clients use the private network; Terraform comes from outside.
    address: droplet.ipv4AddressPrivate,
    ssh: { host: droplet.ipv4Address, hostKey: hostKey.publicKeyOpenssh },
    machine: droplet.id,
  })),
  // A Droplet that is replaced gets another address, so the new one is made beside the old one, which goes last.
  machinesInStack: false,
  // Nothing connects to the machines before this is complete, and it goes after the cluster.
  dependsOn: [firewall],
  // A new machine needs a while until its sshd is up and cloud-init has made the user.
  ssh: { user: "admin", key: SshKey.file("~/.ssh/id_ed25519"), timeout: "5m" },
});

// Clients find the members by name. The names wait until all members are healthy, and follow a machine's new address.
for (const { name, droplet } of machines) {
  new Record(stack, `${name}-name`, {
    domain: DOMAIN,
    type: "A",
    name,
    value: droplet.ipv4AddressPrivate,
    ttl: 60,
    dependsOn: [cluster],
  });
}

app.synth();
