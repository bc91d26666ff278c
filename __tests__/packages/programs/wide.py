from cdktf import App, TerraformOutput, TerraformStack, TerraformVariable
from cdktf_etcd import (
    AutoCompaction,
    BackupCommandOptions,
    BackupRetention,
    CertificateAuthority,
    CertificateOptions,
    CertificateProfile,
    EtcdBackups,
    EtcdCluster,
    EtcdMemberProps,
    EtcdRelease,
    EtcdRestore,
    EtcdUpgrade,
    KeyType,
    LeafCertificate,
    PathOptions,
    PortOptions,
    RemovalPolicy,
    SshKey,
    SshOptions,
)

# wide.ts in Python.
app = App()
stack = TerraformStack(app, "wide")
old_key = TerraformVariable(stack, "old_key", type="string", sensitive=True)
old_authority = CertificateAuthority.from_pem(
    stack,
    "old-ca",
    cert_pem="-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n",
    private_key_pem=old_key.string_value,
)
authority = CertificateAuthority(stack, "ca", common_name="new", key_type=KeyType.RSA_4096)

cluster = EtcdCluster(
    stack,
    "etcd",
    members=[
        EtcdMemberProps(name="a", address="10.0.0.11", ssh=SshOptions(port=2222, user="ops")),
        EtcdMemberProps(name="b", address="2001:db8::12", reprovision=2),
        EtcdMemberProps(name="c", address="10.0.0.13"),
    ],
    ssh=SshOptions(key=SshKey.agent(), bastion_host="bastion.example", bastion_key=SshKey.file("keys/bastion")),
    release=EtcdRelease.local_archive("downloads/etcd.tar.gz", sha256="b" * 64),
    version="3.5.99",
    certificates=CertificateOptions(
        authority=authority,
        trusted_authorities=[old_authority],
        dns_names=["etcd.example"],
        validity_hours=1000,
    ),
    auto_compaction=AutoCompaction.periodic("12h"),
    quota_backend_bytes=6 * 1024**3,
    extra_flags={"max-txn-ops": "512", "host-whitelist": "it's $HOME é"},
    paths=PathOptions(data_dir="/srv/etcd"),
    ports=PortOptions(client=12379),
    removal_policy=RemovalPolicy.DESTROY,
    backups=EtcdBackups.on_hosts(
        every="30m",
        keep=BackupRetention.exponential(daily=3),
        after_each=BackupCommandOptions(command='cp "$ETCD_BACKUP_FILE" /mnt'),
    ),
    restore=EtcdRestore.from_host("a", "/root/snapshot.db", attempt=1),
)

client = cluster.issue_client_certificate("app", common_name="app", key_type=KeyType.ECDSA_P384)
leaf = LeafCertificate(
    stack,
    "leaf",
    ca_cert_pem=cluster.certificate_authority.cert_pem,
    ca_private_key_pem=old_key.string_value,
    common_name="leaf",
    profile=CertificateProfile.SERVER,
)
elsewhere = EtcdCluster.from_attributes(stack, "elsewhere", endpoints="https://x:2379", ca_bundle_pem="pem")

outputs = {
    "addresses": [f"{name} {member.address} {member.peer_url}" for name, member in cluster.members.items()],
    "certificate": cluster.members["a"].certificate.cert_sha256,
    "client": client.cert_pem,
    "leaf_ends": leaf.validity_end_time,
    "imported": f"{elsewhere.endpoints} {elsewhere.ca_bundle_pem}",
    "upgrade": f'{str(EtcdUpgrade.check("3.5.1", "3.6.14").supported).lower()} {EtcdUpgrade.check("3.4.1", "3.6.14").reason}',
}
for name, value in outputs.items():
    TerraformOutput(stack, name, value=value, sensitive=True)

app.synth()
