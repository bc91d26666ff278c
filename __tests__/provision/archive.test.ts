import { resolve } from "node:path";
import type { EtcdClusterProps } from "../../src/settings";
import { EtcdRelease } from "../../src/release/etcd-release";
import { RUNBOOK } from "../support/settings";
import { find, HOST_SCRIPTS, STACK_DIRECTORY, synthCluster } from "../support/synth";

const SHA256 = "a".repeat(64);
const NAMES = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];
const before = ["null_resource.etcd_membership", "terraform_data.etcd-shutdown_members"];

test("hosts that download have no archive resource", () => {
  const { null_resource } = synthCluster({ release: EtcdRelease.mirror("https://mirror.example/etcd") }).resource;
  expect(Object.keys(null_resource).filter((id) => id.endsWith("_archive"))).toEqual([]);
});

describe("a local archive", () => {
  const json = synthCluster({ release: EtcdRelease.localArchive("/srv/etcd.tar.gz", { sha256: SHA256 }) });

  test("is pushed to each host, and again when the host may not have this version", () => {
    for (const name of NAMES) {
      const archive = find(json, `null_resource.etcd_member_${name}_archive`);
      expect(archive.triggers).toEqual({
        layout: "2",
        version: "3.6.14",
        archive_sha256: `${SHA256} ${SHA256}`,
        install_root: "/opt",
        address: `10.4.${name.slice(-4).replace("-", ".")}`,
        reprovision: "0",
      });
      expect(archive.depends_on).toEqual(before);
    }
  });

  test("is uploaded to the private inbox and unpacked by root", () => {
    const provisioners = find(json, "null_resource.etcd_member_etcd-server-7-12_archive").provisioner ?? [];
    expect(provisioners.map((provisioner) => Object.keys(provisioner)[0])).toEqual([
      "remote-exec",
      "file",
      "remote-exec",
    ]);
    expect(provisioners[0]["remote-exec"]?.inline.at(-1)).toBe('main open_inbox 30 "$@"');
    expect(provisioners[1].file).toMatchObject({
      source: "/srv/etcd.tar.gz",
      destination: "/root/.cdktf-etcd/etcd-server-7-12/archive.tar.gz",
    });
    expect(provisioners[2]["remote-exec"]?.inline).toEqual([
      "set -eu",
      "${local.etcd_member_etcd-server-7-12_facts}",
      "OPERATOR_TIME='${timestamp()}'",
      "CA_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "AUTHORITY_PEM_BASE64='${base64encode(tls_self_signed_cert.etcd_ca_cert.cert_pem)}'",
      "LEAF_PEM_BASE64='${base64encode(tls_locally_signed_cert.etcd_peer_etcd-server-7-12_cert.cert_pem)}'",
      expect.stringMatching(/^CHECKED_SHA256='/),
      "GENESIS='${null_resource.etcd_genesis_founders.id}'",
      `OWNER='\${terraform_data.etcd_decommission["etcd-server-7-12"].id}'`,
      "${local.etcd-host-scripts_text}",
      'main archive 300 "$@"',
    ]);
    expect(json.locals?.["etcd-host-scripts_text"]).toBe(HOST_SCRIPTS);
  });

  test("is pushed before the member is staged", () => {
    for (const name of NAMES) {
      expect(find(json, `null_resource.etcd_member_${name}_stage`).depends_on).toEqual([
        ...before,
        `null_resource.etcd_member_${name}_archive`,
      ]);
    }
  });

  test("has no URL, and the same digest for both architectures", () => {
    expect(json.locals?.["etcd_member_etcd-server-7-12_facts"]).toContain(
      `\nARCHIVE_URL=''\nSHA256_AMD64='${SHA256}'\nSHA256_ARM64='${SHA256}'\n`,
    );
  });
});

test("a relative archive path starts at the operator's directory and is rewritten for the directory in which Terraform runs", () => {
  const json = synthCluster({ release: EtcdRelease.localArchive("downloads/etcd.tar.gz", { sha256: SHA256 }) });
  const { source } = find(json, "null_resource.etcd_member_etcd-server-7-12_archive").provisioner?.[1].file ?? {};
  expect(source).toMatch(/^\.\.\//);
  expect(resolve(STACK_DIRECTORY, source ?? "")).toBe(resolve("downloads/etcd.tar.gz"));
});

const [first, ...rest] = RUNBOOK.members;
/** Changes of the program, and whether the host may lack the binaries after each, so that they must be sent again. */
const CHANGES: { [change: string]: [props: Partial<EtcdClusterProps>, needsBinaries: boolean] } = {
  "another version": [{ version: "3.5.33" }, true],
  "another address": [{ members: [{ ...first, address: "10.4.7.13" }, ...rest] }, true],
  reprovision: [{ members: [{ ...first, reprovision: 1 }, ...rest] }, true],
  machine: [{ members: [{ ...first, machine: "i-0123" }, ...rest] }, true],
  "another install root": [{ paths: { installRoot: "/srv" } }, true],
  "another data directory": [{ paths: { dataDir: "/srv/data" } }, false],
  "another log directory": [{ paths: { logDir: "/srv/logs" } }, false],
  "another supervisor file": [{ paths: { supervisorProgramFile: "other" } }, false],
  "another user": [{ user: "other" }, false],
  "other ports": [{ ports: { client: 3379 } }, false],
  "a flag": [{ quotaBackendBytes: 4_000_000_000 }, false],
  "another certificate": [{ certificates: { commonName: "other" } }, false],
  "an additional member": [
    { members: [...RUNBOOK.members, { name: "etcd-server-7-30", address: "10.4.7.30" }] },
    false,
  ],
};
const SOURCES: { [source: string]: (sha256: string) => EtcdRelease } = {
  github: (sha256) => EtcdRelease.github({ sha256 }),
  mirror: (sha256) => EtcdRelease.mirror("https://mirror.example/etcd", { sha256 }),
  "local archive": (sha256) => EtcdRelease.localArchive("/srv/etcd.tar.gz", { sha256 }),
};

describe.each(Object.entries(SOURCES))("with a release from %s", (source, release) => {
  const member = (phase: string) => `null_resource.etcd_member_${NAMES[0]}_${phase}`;
  const before = synthCluster({ release: release(SHA256) });

  test.each([
    ...Object.entries(CHANGES),
    ["another digest", [{ release: release("b".repeat(64)) }, true]] as [string, [Partial<EtcdClusterProps>, boolean]],
  ])("%s: the phase that brings the binaries runs again if the host may lack them", (_, [change, needsBinaries]) => {
    const after = synthCluster({ release: release(SHA256), ...change });
    const runsAgain = (phase: string) =>
      JSON.stringify(find(before, member(phase)).triggers) !== JSON.stringify(find(after, member(phase)).triggers);
    // The stage downloads a release itself, except for a local archive, which has its own phase before the stage.
    if (needsBinaries) expect(runsAgain("stage")).toBe(true);
    if (source === "local archive") expect(runsAgain("archive")).toBe(needsBinaries);
  });
});
