import os

from cdktf import App, TerraformOutput, TerraformStack
from cdktf_etcd import (
    CertificateOptions,
    EtcdCluster,
    EtcdMemberProps,
    EtcdRelease,
    OperatorCredentialsOptions,
    SshKey,
    SshOptions,
)

# The runbook's topology: main.ts of this repository, in Python.
environment = os.environ
mirror = environment.get("ETCD_MIRROR")
digest = environment.get("ETCD_SHA256")

app = App()
stack = TerraformStack(app, "etcd")

cluster = EtcdCluster(
    stack,
    "etcd",
    members=[
        EtcdMemberProps(name="etcd-server-7-12", address="10.4.7.12", host_name="hdss7-12"),
        EtcdMemberProps(name="etcd-server-7-21", address="10.4.7.21", host_name="hdss7-21"),
        EtcdMemberProps(name="etcd-server-7-22", address="10.4.7.22", host_name="hdss7-22"),
    ],
    ssh=SshOptions(
        user=environment.get("SSH_USER"),
        port=int(environment["SSH_PORT"]) if "SSH_PORT" in environment else None,
        key=SshKey.file(environment.get("SSH_PRIVATE_KEY_FILE", "~/.ssh/id_ed25519")),
    ),
    version=environment.get("ETCD_VERSION"),
    release=EtcdRelease.mirror(mirror, sha256=digest) if mirror else EtcdRelease.github(sha256=digest),
    certificates=CertificateOptions(shared_peer_certificate=True),
    operator_credentials=OperatorCredentialsOptions(directory="credentials"),
)

TerraformOutput(stack, "endpoints", value=cluster.endpoints)
TerraformOutput(stack, "certificate_ends", value=cluster.certificate_ends)

app.synth()
