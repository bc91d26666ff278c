import { EtcdRelease } from "../../src/release/etcd-release";
import { RUNBOOK } from "../support/settings";
import { find, HOST_SCRIPTS, synthCluster } from "../support/synth";

const json = synthCluster();
const FOUNDING_MEMBERSHIP = `FOUNDING_MEMBERSHIP='\${lookup(null_resource.etcd_genesis_founders.triggers, "membership", "unknown")}'`;

const CHECKED_SHA256 =
  "CHECKED_SHA256='${sha256(join(\"\\n\", [local.etcd_member_etcd-server-7-12_facts, tls_self_signed_cert.etcd_ca_cert.cert_pem, tls_self_signed_cert.etcd_ca_cert.cert_pem, tls_locally_signed_cert.etcd_peer_etcd-server-7-12_cert.cert_pem]))}'";

/** The data that the last `remote-exec` of each phase gets in addition to the member's facts, and its time limit. */
const PHASES = {
  preflight: {
    seconds: 240,
    data: [
      "OPERATOR_TIME='${timestamp()}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "AUTHORITY_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "LEAF_PEM_BASE64='${base64encode(tls_locally_signed_cert.etcd_peer_etcd-server-7-12_cert.cert_pem)}'",
      CHECKED_SHA256,
    ],
  },
  stage: {
    seconds: 600,
    data: [
      "OPERATOR_TIME='${timestamp()}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "AUTHORITY_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "LEAF_PEM_BASE64='${base64encode(tls_locally_signed_cert.etcd_peer_etcd-server-7-12_cert.cert_pem)}'",
      CHECKED_SHA256,
      "GENESIS='${null_resource.etcd_genesis_founders.id}'",
      `OWNER='\${terraform_data.etcd_decommission["etcd-server-7-12"].id}'`,
      "FOUNDERS='${null_resource.etcd_genesis_founders.triggers.founders}'",
      "STARTUP_BASE64='${base64encode(local.etcd_member_etcd-server-7-12_startup-script_text)}'",
      "PROGRAM_INI_BASE64='${base64encode(local.etcd_member_etcd-server-7-12_supervisor-ini_text)}'",
      "ETCDCTL_ENV_BASE64='${base64encode(local.etcd_etcdctl-env_text)}'",
      "BACKUP_BASE64=''",
      "BACKUP_INI_BASE64=''",
      "DEFRAGMENTATION_BASE64=''",
      "DEFRAGMENTATION_INI_BASE64=''",
    ],
  },
  rollout: {
    seconds: 1800,
    data: [
      expect.stringMatching(/^STARTUP_SHA256='[0-9a-f]{64}'$/),
      expect.stringMatching(/^PROGRAM_INI_SHA256='[0-9a-f]{64}'$/),
      "LEAF_SHA256='${sha256(tls_locally_signed_cert.etcd_peer_etcd-server-7-12_cert.cert_pem)}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "MEMBERSHIP='${null_resource.etcd_membership.id}'",
      FOUNDING_MEMBERSHIP,
    ],
  },
};

test.each(Object.entries(PHASES))(
  "%s is one upload of facts, data, scripts and one call",
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

test("health runs on the host of the first member", () => {
  expect(find(json, "null_resource.etcd_health").provisioner?.map((provisioner) => provisioner["remote-exec"])).toEqual(
    [
      {
        connection: expect.objectContaining({ host: "10.4.7.12" }),
        inline: [
          "set -eu",
          "${local.etcd_member_etcd-server-7-12_facts}",
          "MEMBERSHIP='${null_resource.etcd_membership.id}'",
          FOUNDING_MEMBERSHIP,
          `ROLLOUTS='${RUNBOOK.members.map(({ name }) => `${name}=null_resource.etcd_member_${name}_rollout`).join()}'`,
          `STAGES='${RUNBOOK.members.map(({ name }) => `${name}=null_resource.etcd_member_${name}_stage`).join()}'`,
          `LEAVES='${RUNBOOK.members.map(({ name }) => `${name}=\${sha256(tls_locally_signed_cert.etcd_peer_${name}_cert.cert_pem)}`).join()}'`,
          "${local.etcd-host-scripts_text}",
          'main health 600 "$@"',
        ],
      },
    ],
  );
});

test("the facts of a member have exactly this text", () => {
  expect(json.locals?.["etcd_member_etcd-server-7-21_facts"]).toBe(`CLUSTER='etcd/etcd'
MEMBER='etcd-server-7-21'
HOST='hdss7-21'
LISTEN_ADDRESS='10.4.7.21'
LISTEN_ADDRESSES='10.4.7.12 10.4.7.21 10.4.7.22'
NAMES=''
PEER_URL='https://10.4.7.21:2380'
CLIENT_URL='https://10.4.7.21:2379'
PEER_PORT='2380'
INITIAL_CLUSTER='etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380'
ENDPOINTS='https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'
CONNECT_SECONDS='60'
LISTENS='listen-peer-urls=https://10.4.7.21:2380 listen-client-urls=https://10.4.7.21:2379'
VERSION='3.6.14'
ARCHIVE_URL='https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-{arch}.tar.gz'
SHA256_AMD64='ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5'
SHA256_ARM64='fa1b80565ee6fc2df1ae6f57a508b221f3ecc7d591c317c581cd8281b0842b3e'
INSTALL_ROOT='/opt'
DATA_DIR='/data/etcd/etcd-server'
LOG_DIR='/data/logs/etcd-server'
SUPERVISOR_INI='etcd-server'
REPROVISION='0'
MACHINE=''
ETCD_USER='etcd'
SIDE_PROGRAMS=''
BACKUP_DIR=''
BACKUP_SECONDS=''
TEXTFILE_DIR=''
QUOTA_BACKEND_BYTES=''
UPGRADE_SOURCES='3.5.32 3.6.0'
RELOADS_LEAF='1'
ARCHIVE_RESOURCE=''
STAGE_RESOURCE='null_resource.etcd_member_etcd-server-7-21_stage'
ROLLOUT_RESOURCE='null_resource.etcd_member_etcd-server-7-21_rollout'
`);
});

test("a rollout requires the staged files whose digests are in its triggers", () => {
  const rollout = find(json, "null_resource.etcd_member_etcd-server-7-12_rollout");
  const { startup_script_sha256, supervisor_ini_sha256 } = rollout.triggers ?? {};
  expect(rollout.provisioner?.[0]["remote-exec"]?.inline).toEqual(
    expect.arrayContaining([
      `STARTUP_SHA256='${startup_script_sha256}'`,
      `PROGRAM_INI_SHA256='${supervisor_ini_sha256}'`,
    ]),
  );
});

test("the membership does nothing on any host and exists only for the order and for its id", () => {
  const { triggers, provisioner } = find(json, "null_resource.etcd_membership");
  expect(provisioner).toBeUndefined();
  expect(Object.keys(triggers ?? {})).toEqual(["members"]);
});

test("the facts name the versions from which an upgrade may start, and whether a new leaf needs a restart", () => {
  const release = EtcdRelease.github({ sha256: "a".repeat(64) });
  const old = synthCluster({ version: "3.2.18", release });
  expect(old.locals?.["etcd_member_etcd-server-7-12_facts"]).toMatch(
    /\nETCD_USER='etcd'\nSIDE_PROGRAMS=''\nBACKUP_DIR=''\nBACKUP_SECONDS=''\nTEXTFILE_DIR=''\nQUOTA_BACKEND_BYTES=''\nUPGRADE_SOURCES='3\.1\.0 3\.2\.0'\nRELOADS_LEAF='0'\n/,
  );
});

test("rendered files are written to the stack's directory, under the same paths in every checkout", () => {
  const files = Object.values(json.resource.local_file).map(({ filename, file_permission }) => [
    filename,
    file_permission,
  ]);
  expect(files).toEqual(
    expect.arrayContaining([
      ["${path.module}/etcd/etcd/etcdctl.env", "0644"],
      ["${path.module}/etcd/etcd/etcd-server-7-12/etcd-server-startup.sh", "0755"],
      ["${path.module}/etcd/etcd/etcd-server-7-12/etcd-server.ini", "0644"],
    ]),
  );
  expect(files).toHaveLength(7);
});
