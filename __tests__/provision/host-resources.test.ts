import { EtcdRelease } from "../../src/release/etcd-release";
import { find, HOST_SCRIPTS, synthCluster } from "../support/synth";

const json = synthCluster();

/** Phase → what its last `remote-exec` is told beside the member's facts, and its limit in seconds. */
const PHASES = {
  preflight: {
    seconds: 60,
    data: [
      "OPERATOR_TIME='${timestamp()}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
    ],
  },
  stage: {
    seconds: 600,
    data: [
      "OPERATOR_TIME='${timestamp()}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "LEAF_PEM_BASE64='${base64encode(tls_locally_signed_cert.etcd_peer_etcd-server-7-12_cert.cert_pem)}'",
      "STARTUP_BASE64='${base64encode(local_file.etcd_member_etcd-server-7-12_startup-script.content)}'",
      "PROGRAM_INI_BASE64='${base64encode(local_file.etcd_member_etcd-server-7-12_supervisor-ini.content)}'",
      "ETCDCTL_ENV_BASE64='${base64encode(local_file.etcd_etcdctl-env.content)}'",
    ],
  },
  membership: { seconds: 120, data: [] },
  rollout: { seconds: 300, data: [] },
};

test.each(Object.entries(PHASES))(
  "%s is facts, data, scripts and one call, in one upload",
  (phase, { seconds, data }) => {
    const provisioners = find(json, `null_resource.etcd_member_etcd-server-7-12_${phase}`).provisioner ?? [];
    expect(provisioners).toHaveLength(phase === "stage" ? 3 : 1);
    expect(provisioners.at(-1)?.["remote-exec"]?.inline).toEqual([
      "set -eu",
      "${local.etcd_member_etcd-server-7-12_facts}",
      ...data,
      "${local.etcd-host-scripts_text}",
      `main ${phase} ${seconds} "$@"`,
    ]);
    expect(json.locals?.["etcd-host-scripts_text"]).toBe(HOST_SCRIPTS);
  },
);

test("health asks from the first host", () => {
  expect(find(json, "null_resource.etcd_health").provisioner?.map((provisioner) => provisioner["remote-exec"])).toEqual(
    [
      {
        connection: expect.objectContaining({ host: "10.4.7.12" }),
        inline: [
          "set -eu",
          "${local.etcd_member_etcd-server-7-12_facts}",
          "${local.etcd-host-scripts_text}",
          'main health 120 "$@"',
        ],
      },
    ],
  );
});

test("the facts of a member, by exact text", () => {
  expect(json.locals?.["etcd_member_etcd-server-7-21_facts"]).toBe(`MEMBER='etcd-server-7-21'
HOST='hdss7-21'
ADDRESS='10.4.7.21'
PEER_URL='https://10.4.7.21:2380'
CLIENT_URL='https://10.4.7.21:2379'
PEER_PORT='2380'
CLIENT_PORT='2379'
INITIAL_CLUSTER='etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380'
ENDPOINTS='https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'
INSECURE_LOOPBACK='0'
VERSION='3.6.14'
ARCHIVE_URL='https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-{arch}.tar.gz'
SHA256_AMD64='ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5'
SHA256_ARM64='fa1b80565ee6fc2df1ae6f57a508b221f3ecc7d591c317c581cd8281b0842b3e'
INSTALL_ROOT='/opt'
DATA_DIR='/data/etcd/etcd-server'
LOG_DIR='/data/logs/etcd-server'
SUPERVISOR_INI='etcd-server'
ETCD_USER='etcd'
`);
});

test("where etcdctl speaks the v3 API only when told, the facts tell it", () => {
  const release = EtcdRelease.github({ sha256: "a".repeat(64) });
  const old = synthCluster({ version: "3.3.27", release });
  expect(old.locals?.["etcd_member_etcd-server-7-12_facts"]).toMatch(/\nETCD_USER='etcd'\nexport ETCDCTL_API=3\n$/);
});

test("rendered files lie in the stack's directory, the same in every checkout", () => {
  const files = Object.values(json.resource.local_file).map(({ filename, file_permission }) => [
    filename,
    file_permission,
  ]);
  expect(files).toEqual(
    expect.arrayContaining([
      ["${path.module}/etcd/host-scripts.sh", "0644"],
      ["${path.module}/etcd/etcd/etcdctl.env", "0644"],
      ["${path.module}/etcd/etcd/etcd-server-7-12/etcd-server-startup.sh", "0755"],
      ["${path.module}/etcd/etcd/etcd-server-7-12/etcd-server.ini", "0644"],
    ]),
  );
  expect(files).toHaveLength(8);
});
