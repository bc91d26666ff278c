import { App, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import {
  AutoCompaction,
  BackupRetention,
  CertificateAuthority,
  CertificateProfile,
  EtcdBackups,
  EtcdCluster,
  EtcdRelease,
  EtcdRestore,
  EtcdUpgrade,
  KeyType,
  LeafCertificate,
  RemovalPolicy,
  SshKey,
} from "cdktf-etcd";

// What main.ts does not use of the API: this program and wide.py must give the same JSON.
const app = new App();
const stack = new TerraformStack(app, "wide");
const oldKey = new TerraformVariable(stack, "old_key", { type: "string", sensitive: true });
const oldAuthority = CertificateAuthority.fromPem(stack, "old-ca", {
  certPem: "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n",
  privateKeyPem: oldKey.stringValue,
});
const authority = new CertificateAuthority(stack, "ca", { commonName: "new", keyType: KeyType.RSA_4096 });

const cluster = new EtcdCluster(stack, "etcd", {
  members: [
    { name: "a", address: "10.0.0.11", ssh: { port: 2222, user: "ops" } },
    { name: "b", address: "2001:db8::12", reprovision: 2 },
    { name: "c", address: "10.0.0.13" },
  ],
  ssh: { key: SshKey.agent(), bastionHost: "bastion.example", bastionKey: SshKey.file("keys/bastion") },
  release: EtcdRelease.localArchive("downloads/etcd.tar.gz", { sha256: "b".repeat(64) }),
  version: "3.5.99",
  certificates: { authority, trustedAuthorities: [oldAuthority], dnsNames: ["etcd.example"], validityHours: 1000 },
  autoCompaction: AutoCompaction.periodic("12h"),
  quotaBackendBytes: 6 * 1024 ** 3,
  extraFlags: { "max-txn-ops": "512", "host-whitelist": "it's $HOME é" },
  paths: { dataDir: "/srv/etcd" },
  ports: { client: 12379 },
  removalPolicy: RemovalPolicy.DESTROY,
  backups: EtcdBackups.onHosts({
    every: "30m",
    keep: BackupRetention.exponential({ daily: 3 }),
    afterEach: { command: 'cp "$ETCD_BACKUP_FILE" /mnt' },
  }),
  restore: EtcdRestore.fromHost("a", "/root/snapshot.db", { attempt: 1 }),
});

const client = cluster.issueClientCertificate("app", { commonName: "app", keyType: KeyType.ECDSA_P384 });
const leaf = new LeafCertificate(stack, "leaf", {
  caCertPem: cluster.certificateAuthority.certPem,
  caPrivateKeyPem: oldKey.stringValue,
  commonName: "leaf",
  profile: CertificateProfile.SERVER,
});
const elsewhere = EtcdCluster.fromAttributes(stack, "elsewhere", { endpoints: "https://x:2379", caBundlePem: "pem" });

const outputs = {
  addresses: Object.entries(cluster.members).map(([name, { address, peerUrl }]) => `${name} ${address} ${peerUrl}`),
  certificate: cluster.members.a.certificate.certSha256,
  client: client.certPem,
  leaf_ends: leaf.validityEndTime,
  imported: `${elsewhere.endpoints} ${elsewhere.caBundlePem}`,
  upgrade: `${EtcdUpgrade.check("3.5.1", "3.6.14").supported} ${EtcdUpgrade.check("3.4.1", "3.6.14").reason}`,
};
for (const [name, value] of Object.entries(outputs)) new TerraformOutput(stack, name, { value, sensitive: true });

app.synth();
