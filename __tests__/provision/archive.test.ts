import { resolve } from "node:path";
import { EtcdRelease } from "../../src/release/etcd-release";
import { find, HOST_SCRIPTS, STACK_DIRECTORY, synthCluster } from "../support/synth";

const SHA256 = "a".repeat(64);
const NAMES = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];
const before = ["null_resource.etcd_membership", ...NAMES.map((name) => `terraform_data.etcd_member_${name}_shutdown`)];

test("hosts that download have no archive resource", () => {
  const { null_resource } = synthCluster({ release: EtcdRelease.mirror("https://mirror.example/etcd") }).resource;
  expect(Object.keys(null_resource).filter((id) => id.endsWith("_archive"))).toEqual([]);
});

describe("a local archive", () => {
  const json = synthCluster({ release: EtcdRelease.localArchive("/srv/etcd.tar.gz", { sha256: SHA256 }) });

  test("is pushed to each host once a version, whatever else changes", () => {
    for (const name of NAMES) {
      const archive = find(json, `null_resource.etcd_member_${name}_archive`);
      expect(archive.triggers).toEqual({
        version: "3.6.14",
        archive_sha256: `${SHA256} ${SHA256}`,
        install_root: "/opt",
      });
      expect(archive.depends_on).toEqual(before);
    }
  });

  test("goes into the private inbox, and is unpacked there by root", () => {
    const provisioners = find(json, "null_resource.etcd_member_etcd-server-7-12_archive").provisioner ?? [];
    expect(provisioners.map((provisioner) => Object.keys(provisioner)[0])).toEqual([
      "remote-exec",
      "file",
      "remote-exec",
    ]);
    expect(provisioners[0]["remote-exec"]?.inline.at(-1)).toBe('main open_inbox 30 "$@"');
    expect(provisioners[1].file).toMatchObject({
      source: "/srv/etcd.tar.gz",
      destination: ".cdktf-etcd/etcd-server-7-12/archive.tar.gz",
    });
    expect(provisioners[2]["remote-exec"]?.inline).toEqual([
      "set -eu",
      "${local.etcd_member_etcd-server-7-12_facts}",
      "OPERATOR_TIME='${timestamp()}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "AUTHORITY_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "${local.etcd-host-scripts_text}",
      'main archive 300 "$@"',
    ]);
    expect(json.locals?.["etcd-host-scripts_text"]).toBe(HOST_SCRIPTS);
  });

  test("is there before the member is staged", () => {
    for (const name of NAMES) {
      expect(find(json, `null_resource.etcd_member_${name}_stage`).depends_on).toEqual([
        ...before,
        `null_resource.etcd_member_${name}_archive`,
      ]);
    }
  });

  test("has no URL, and one digest for either architecture", () => {
    expect(json.locals?.["etcd_member_etcd-server-7-12_facts"]).toContain(
      `\nARCHIVE_URL=''\nSHA256_AMD64='${SHA256}'\nSHA256_ARM64='${SHA256}'\n`,
    );
  });
});

test("a relative archive is the operator's, seen from where Terraform runs", () => {
  const json = synthCluster({ release: EtcdRelease.localArchive("downloads/etcd.tar.gz", { sha256: SHA256 }) });
  const { source } = find(json, "null_resource.etcd_member_etcd-server-7-12_archive").provisioner?.[1].file ?? {};
  expect(source).toMatch(/^\.\.\//);
  expect(resolve(STACK_DIRECTORY, source ?? "")).toBe(resolve("downloads/etcd.tar.gz"));
});
