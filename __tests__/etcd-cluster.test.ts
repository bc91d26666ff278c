import { Resource } from "@cdktf/provider-null/lib/resource";
import { type App, TerraformOutput, TerraformStack, TerraformVariable, Testing } from "cdktf";
import { CertificateAuthority } from "../src/pki/certificate-authority";
import { EtcdCluster } from "../src/etcd-cluster";
import { EtcdRelease } from "../src/release/etcd-release";
import { EtcdBackups, type EtcdClusterProps } from "../src/settings";
import { RUNBOOK } from "./support/settings";
import { addresses, allDependencies, emptyStack, find, type StackJson, synth, synthCluster } from "./support/synth";

const NAMES = ["etcd-server-7-12", "etcd-server-7-21", "etcd-server-7-22"];
const FOURTH = { name: "etcd-server-7-20", address: "10.4.7.20" };

/** The address of this phase's `null_resource` for each of these members. */
const each = (phase: string, names = NAMES) => names.map((name) => `null_resource.etcd_member_${name}_${phase}`);
const MEMBERSHIP = "null_resource.etcd_membership";
const SHUTDOWN = "terraform_data.etcd-shutdown_members";
const SEAL = "terraform_data.etcd-shutdown_seal";
const rolloutTriggers = (json: StackJson, name: string) =>
  find(json, `null_resource.etcd_member_${name}_rollout`).triggers;

describe("the order of the resources", () => {
  const json = synthCluster();

  test("the decommission waits for the preflights of all members", () => {
    expect(find(json, "terraform_data.etcd_decommission").depends_on).toEqual(each("preflight"));
  });

  test("no preflight waits for a resource that runs on a host", () => {
    for (const preflight of each("preflight")) {
      expect(allDependencies(json, preflight).filter((address) => address.startsWith("null_resource"))).toEqual([]);
    }
  });

  test("nothing touches a host before the preflights of all members have passed", () => {
    for (const phase of ["stage", "bootstrap", "rollout"]) {
      for (const resource of each(phase)) {
        expect(allDependencies(json, resource)).toEqual(expect.arrayContaining(each("preflight")));
      }
    }
    for (const resource of [MEMBERSHIP, SHUTDOWN, "null_resource.etcd_health"]) {
      expect(allDependencies(json, resource)).toEqual(expect.arrayContaining(each("preflight")));
    }
  });

  test("the membership depends only on the decommission", () => {
    expect(find(json, MEMBERSHIP).depends_on).toEqual(["terraform_data.etcd_decommission"]);
  });

  test("the shutdown waits for the decommission, so that a destroy runs the shutdown first and leaves nothing for the decommission", () => {
    expect(find(json, SHUTDOWN).depends_on).toEqual(["terraform_data.etcd_decommission"]);
  });

  test("every stage waits for the membership and the shutdown, so that no other resource completes while stages run", () => {
    for (const stage of each("stage")) expect(find(json, stage).depends_on).toEqual([MEMBERSHIP, SHUTDOWN]);
  });

  test("the seal comes last, and a cluster that has left the program is stopped after it", () => {
    expect(find(json, SEAL)).toEqual({ depends_on: [SHUTDOWN, "null_resource.etcd_health"], input: ["etcd/etcd"] });
  });

  test("every bootstrap waits for the stages of all members", () => {
    for (const bootstrap of each("bootstrap")) expect(find(json, bootstrap).depends_on).toEqual(each("stage"));
  });

  test("the membership is created before the old one is destroyed, and so it depends on no file, directly or indirectly", () => {
    expect(find(json, MEMBERSHIP).lifecycle).toEqual({ create_before_destroy: true });
    const all = allDependencies(json, MEMBERSHIP);
    expect(all).toContain("local.etcd-host-scripts_text");
    expect(all.filter((address) => address.startsWith("local_"))).toEqual([]);
  });

  test("only the CA, the membership and the shutdown have create_before_destroy, and none of them depends on a file", () => {
    const spreading = addresses(json).filter((address) =>
      JSON.stringify(find(json, address).lifecycle ?? "").includes("create_before_destroy"),
    );
    expect(spreading).toEqual([MEMBERSHIP, SHUTDOWN, "tls_self_signed_cert.etcd_ca_cert"]);
    for (const address of spreading) {
      expect(allDependencies(json, address).filter((name) => name.startsWith("local_"))).toEqual([]);
    }
  });

  test("health depends on the membership and the decommission, so a removed member is stopped only after health", () => {
    expect(allDependencies(json, "null_resource.etcd_health")).toEqual(
      expect.arrayContaining([MEMBERSHIP, "terraform_data.etcd_decommission"]),
    );
  });

  test("the first rollout waits for all bootstraps and, through them, for the membership; each other rollout waits for the one before it", () => {
    const [first, second, third] = each("rollout");
    expect(find(json, first).depends_on).toEqual(each("bootstrap"));
    expect(allDependencies(json, first)).toEqual(expect.arrayContaining([MEMBERSHIP, SHUTDOWN]));
    expect(find(json, second).depends_on).toEqual([first]);
    expect(find(json, third).depends_on).toEqual([second]);
  });

  test("the rollouts are chained by member name, whatever the order in the program", () => {
    const shuffled = synthCluster({ members: [RUNBOOK.members[1], FOURTH, RUNBOOK.members[2], RUNBOOK.members[0]] });
    const chain = each("rollout", ["etcd-server-7-12", FOURTH.name, "etcd-server-7-21", "etcd-server-7-22"]);
    expect(chain.slice(1).map((rollout) => find(shuffled, rollout).depends_on)).toEqual(
      chain.slice(0, -1).map((before) => [before]),
    );
  });

  test("names are sorted by code unit, so that the chain is the same on every machine", () => {
    const names = ["b", "a-10", "C", "a-9"];
    const json = synthCluster({ members: names.map((name, i) => ({ name, address: `10.4.7.${i + 1}` })) });
    const chain = each("rollout", ["C", "a-10", "a-9", "b"]);
    expect(chain.slice(1).map((rollout) => find(json, rollout).depends_on)).toEqual(
      chain.slice(0, -1).map((before) => [before]),
    );
  });

  test("health runs again when a rollout or stage has run or the members have changed, and only the seal comes after it", () => {
    const health = find(json, "null_resource.etcd_health");
    expect(health.triggers).toEqual({
      ...Object.fromEntries(NAMES.map((name) => [name, `\${null_resource.etcd_member_${name}_rollout.id}`])),
      membership: `\${${MEMBERSHIP}.id}`,
      stages: NAMES.map((name) => `\${null_resource.etcd_member_${name}_stage.id}`).join(","),
    });
    const waitFor = addresses(json).filter((address) =>
      allDependencies(json, address).includes("null_resource.etcd_health"),
    );
    expect(waitFor).toEqual([SEAL]);
  });
});

describe("the order of a cluster and the rest of its program", () => {
  test("nothing that a resource after the cluster waits for is a file, which its create_before_destroy would delete", () => {
    const json = synthCluster({ backups: EtcdBackups.onHosts() });
    expect(
      allDependencies(json, "null_resource.etcd_health").filter((address) => address.startsWith("local_file.")),
    ).toEqual([]);
  });

  test("a resource that depends on a cluster waits for the health of all members", () => {
    const json = synth((stack) => {
      const cluster = new EtcdCluster(stack, "etcd", RUNBOOK);
      new Resource(stack, "consumer", { dependsOn: [cluster] });
    });
    expect(find(json, "null_resource.consumer").depends_on).toEqual(["null_resource.etcd_health"]);
    // Through the shutdown, a destroy removes it before it stops the members.
    expect(allDependencies(json, "null_resource.consumer")).toEqual(
      expect.arrayContaining([...each("rollout"), SHUTDOWN]),
    );
  });

  test("with `dependsOn`, every preflight waits for that, and through the preflights all that connects to a host", () => {
    const json = synth((stack) => {
      const firewall = new Resource(stack, "firewall");
      const other = new EtcdCluster(stack, "other", { ...RUNBOOK, members: [{ name: "o", address: "10.4.7.31" }] });
      new EtcdCluster(stack, "etcd", { ...RUNBOOK, dependsOn: [firewall, other] });
    });
    for (const preflight of each("preflight")) {
      expect(find(json, preflight).depends_on).toEqual(["null_resource.firewall", "null_resource.other_health"]);
    }
    const connects = addresses(json).filter(
      (address) =>
        address.includes(".etcd") && JSON.stringify(find(json, address).provisioner ?? []).includes("remote-exec"),
    );
    expect(connects).toHaveLength(4 * 3 + 3);
    for (const address of connects) expect(allDependencies(json, address)).toContain("null_resource.firewall");
  });

  test("with `dependsOn`, something in another stack is refused", () => {
    const stack = emptyStack();
    const firewall = new Resource(new TerraformStack(stack.node.root as App, "network"), "firewall");
    expect(() => new EtcdCluster(stack, "etcd", { ...RUNBOOK, dependsOn: [firewall] })).toThrow(
      '  - dependsOn[0]: "network/firewall" is in another stack, which Terraform does not know when it deploys this one; leave it out, and call addDependency() of this cluster\'s stack with that stack',
    );
  });

  test("`node.addDependency()`, which the framework ignores, is a warning that names the prop", () => {
    const stack = emptyStack();
    const named = new Resource(stack, "vpn");
    const cluster = new EtcdCluster(stack, "etcd", { ...RUNBOOK, dependsOn: [named] });
    cluster.node.addDependency(named, new Resource(stack, "firewall"));
    Testing.synth(stack, true);
    expect(cluster.node.metadata.map(({ data }) => String(data))).toEqual([
      'node.addDependency() does not make the deploy wait for "etcd/firewall"; name its resources in the prop dependsOn',
    ]);
  });
});

describe("a change of the program", () => {
  const json = synthCluster();

  test("changing the order of the members changes nothing", () => {
    const text = (members: EtcdClusterProps["members"]) => {
      const stack = emptyStack();
      new EtcdCluster(stack, "etcd", { ...RUNBOOK, members, certificates: { sharedPeerCertificate: true } });
      return JSON.stringify(stack.toTerraform());
    };
    const [a, b, c] = RUNBOOK.members;
    expect(text([c, a, b])).toBe(text([a, b, c]));
    expect(text([b, a, c])).toBe(text([a, b, c]));
  });

  test("a rollout has one readable trigger for each thing that forces a restart", () => {
    expect(rolloutTriggers(json, "etcd-server-7-12")).toEqual({
      version: "3.6.14",
      ca_sha256: "${sha256(tls_self_signed_cert.etcd_ca_cert.cert_pem)}",
      startup_script_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      supervisor_ini_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      reprovision: "0",
      "flag.name": "etcd-server-7-12",
      "flag.data_dir": "/data/etcd/etcd-server",
      "flag.listen_peer_urls": "https://10.4.7.12:2380",
      "flag.listen_client_urls": "https://10.4.7.12:2379",
      "flag.initial_advertise_peer_urls": "https://10.4.7.12:2380",
      "flag.advertise_client_urls": "https://10.4.7.12:2379",
      "flag.cert_file": "/opt/etcd/certs/etcd-peer.pem",
      "flag.key_file": "/opt/etcd/certs/etcd-peer-key.pem",
      "flag.client_cert_auth": "true",
      "flag.trusted_ca_file": "/opt/etcd/certs/ca.pem",
      "flag.peer_cert_file": "/opt/etcd/certs/etcd-peer.pem",
      "flag.peer_key_file": "/opt/etcd/certs/etcd-peer-key.pem",
      "flag.peer_client_cert_auth": "true",
      "flag.peer_trusted_ca_file": "/opt/etcd/certs/ca.pem",
      "flag.logger": "zap",
      "flag.log_outputs": "stdout",
      "flag.feature_gates": "InitialCorruptCheck=true",
    });
  });

  test("a new quota changes only two triggers of a rollout: that flag and the digest of the startup script", () => {
    const changed = synthCluster({ quotaBackendBytes: 4294967296 });
    for (const name of NAMES) {
      const before = rolloutTriggers(json, name) ?? {};
      const after = rolloutTriggers(changed, name) ?? {};
      expect(Object.keys(after).filter((key) => after[key] !== before[key])).toEqual([
        "flag.quota_backend_bytes",
        "startup_script_sha256",
      ]);
      expect(after["flag.quota_backend_bytes"]).toBe("4294967296");
      expect(Object.keys(before).filter((key) => !(key in after))).toEqual([]);
    }
  });

  test("the digest of a text with a number that only Terraform knows is Terraform's, and the number is quoted", () => {
    const late = synth((stack) => {
      const number = (id: string) => new TerraformVariable(stack, id, { type: "number" }).numberValue;
      new EtcdCluster(stack, "etcd", {
        ...RUNBOOK,
        quotaBackendBytes: number("quota"),
        backups: EtcdBackups.onHosts({ maxBytes: number("bytes") }),
      });
    });
    const scope = "etcd_member_etcd-server-7-12";
    expect(rolloutTriggers(late, "etcd-server-7-12")?.startup_script_sha256).toBe(
      `\${sha256(local.${scope}_restart-text)}`,
    );
    expect(find(late, `null_resource.${scope}_stage`).triggers).toMatchObject({
      startup_script_sha256: `\${sha256(local.${scope}_startup-text)}`,
      backup_sha256: `\${sha256(local.${scope}_backup_text)}`,
    });
    expect(late.locals?.[`${scope}_startup-text`]).toContain(" --quota-backend-bytes='${var.quota}' ");
  });

  test("a flag in extraFlags is a trigger under its own name", () => {
    const changed = synthCluster({ extraFlags: { "snapshot-count": "5000" } });
    expect(rolloutTriggers(changed, NAMES[0])).toMatchObject({ "flag.snapshot_count": "5000" });
  });

  test.each([false, true])(
    "adding or removing a member restarts no other member (shared certificate: %s)",
    (sharedPeerCertificate) => {
      const certificates = { sharedPeerCertificate };
      const three = synthCluster({ certificates });
      const four = synthCluster({ certificates, members: [...RUNBOOK.members, FOURTH] });
      for (const name of NAMES) expect(rolloutTriggers(four, name)).toEqual(rolloutTriggers(three, name));
    },
  );

  test("adding or removing a member replaces the membership and runs every preflight again", () => {
    const four = synthCluster({ members: [...RUNBOOK.members, FOURTH] });
    const members =
      "etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-20=https://10.4.7.20:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380";
    expect(find(four, MEMBERSHIP).triggers).toEqual({ members });
    for (const preflight of each("preflight", [...NAMES, FOURTH.name])) {
      expect(find(four, preflight).triggers).toMatchObject({ members });
    }
  });

  // All preflights run again because each of them closes its host's connections to the old member.
  test("re-provisioning a member runs all of its phases again, and only the preflights of the other members", () => {
    const [first, ...rest] = RUNBOOK.members;
    const again = synthCluster({ members: [{ ...first, reprovision: 1 }, ...rest] });
    for (const phase of ["preflight", "stage", "rollout"]) {
      const [changed, ...others] = each(phase);
      expect(find(json, changed).triggers).toMatchObject({ reprovision: "0" });
      const looks = phase === "preflight" ? { reprovisions: "etcd-server-7-12=1" } : {};
      expect(find(again, changed).triggers).toEqual({ ...find(json, changed).triggers, reprovision: "1", ...looks });
      for (const other of others) {
        expect(find(again, other).triggers).toEqual({ ...find(json, other).triggers, ...looks });
      }
    }
  });

  test("so does a number of re-provisionings that only Terraform knows", () => {
    const again = synth((stack) => {
      const reprovision = new TerraformVariable(stack, "again", { type: "number" }).numberValue;
      const [first, ...rest] = RUNBOOK.members;
      new EtcdCluster(stack, "etcd", { ...RUNBOOK, members: [{ ...first, reprovision }, ...rest] });
    });
    for (const preflight of each("preflight")) {
      expect(find(again, preflight).triggers).toMatchObject({ reprovisions: "etcd-server-7-12=${var.again}" });
    }
  });

  test("another machine runs all phases of its member again, and only the preflights of the other members", () => {
    const withMachine = (id: string) =>
      synth((stack) => {
        const machine = new Resource(stack, id);
        const [first, ...rest] = RUNBOOK.members;
        new EtcdCluster(stack, "etcd", { ...RUNBOOK, members: [{ ...first, machine: machine.id }, ...rest] });
      });
    const [one, other] = ["one", "other"].map(withMachine);
    for (const phase of ["preflight", "stage", "rollout"]) {
      const [changed, ...others] = each(phase);
      const looks = phase === "preflight" ? { machines: "etcd-server-7-12=${null_resource.other.id}" } : {};
      expect(find(one, changed).triggers).toMatchObject({ machine: "${null_resource.one.id}" });
      expect(find(other, changed).triggers).toEqual({
        ...find(one, changed).triggers,
        machine: "${null_resource.other.id}",
        ...looks,
      });
      for (const name of others) {
        expect(find(other, name).triggers).toEqual({ ...find(one, name).triggers, ...looks });
      }
    }
    // The new machine has not founded the cluster.
    expect(other.locals?.["etcd_member_etcd-server-7-12_facts"]).toContain(
      "\nMACHINE='${sha256(null_resource.other.id)}'\n",
    );
    expect(find(other, "null_resource.etcd_genesis_founders").triggers?.reprovisions).toBe(
      "etcd-server-7-12=0@${sha256(null_resource.other.id)},etcd-server-7-21=0,etcd-server-7-22=0",
    );
  });

  test.each([
    ["3.2.18", true],
    ["3.3.27", false],
    ["3.6.14", false],
  ])("a renewed leaf restarts a member that runs etcd %s: %s", (version, restarts) => {
    const old = synthCluster({ version, release: EtcdRelease.github({ sha256: "a".repeat(64) }) });
    expect("certificate_sha256" in (rolloutTriggers(old, NAMES[0]) ?? {})).toBe(restarts);
  });

  test("a renewed leaf is staged but restarts no member", () => {
    const leaf = `\${sha256(tls_locally_signed_cert.etcd_peer_${NAMES[0]}_cert.cert_pem)}`;
    expect(find(json, `null_resource.etcd_member_${NAMES[0]}_stage`).triggers).toMatchObject({
      certificate_sha256: leaf,
    });
    expect(JSON.stringify(rolloutTriggers(json, NAMES[0]))).not.toContain("locally_signed");
  });

  test("preflight and stage have the same readable triggers, and preflight also has the members and their reprovision numbers", () => {
    const { owner, ...stage } = find(json, `null_resource.etcd_member_${NAMES[0]}_stage`).triggers ?? {};
    expect(owner).toBe(`\${terraform_data.etcd_decommission["${NAMES[0]}"].id}`);
    expect(stage).toEqual({
      cluster: "etcd/etcd",
      layout: "2",
      version: "3.6.14",
      archive_sha256:
        "ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5 fa1b80565ee6fc2df1ae6f57a508b221f3ecc7d591c317c581cd8281b0842b3e",
      address: "10.4.7.12",
      install_root: "/opt",
      data_dir: "/data/etcd/etcd-server",
      log_dir: "/data/logs/etcd-server",
      supervisor_ini: "etcd-server",
      user: "etcd",
      ca_sha256: "${sha256(tls_self_signed_cert.etcd_ca_cert.cert_pem)}",
      certificate_sha256: `\${sha256(tls_locally_signed_cert.etcd_peer_${NAMES[0]}_cert.cert_pem)}`,
      startup_script_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      supervisor_ini_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      etcdctl_env_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      reprovision: "0",
    });
    expect(find(json, `null_resource.etcd_member_${NAMES[0]}_preflight`).triggers).toEqual({
      ...stage,
      members:
        "etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380",
      reprovisions: "",
    });
  });
});

describe("secrets", () => {
  const json = synthCluster({ operatorCredentials: { directory: "/root/credentials" } });
  const keys = /private_key_pem/;

  /** Yields every string in the JSON together with its path. */
  function* strings(value: unknown, path: string): Generator<[path: string, text: string]> {
    if (typeof value === "string") yield [path, value];
    else if (value !== null && typeof value === "object") {
      for (const [key, child] of Object.entries(value)) yield* strings(child, `${path}/${key}`);
    }
  }

  test("private keys appear only in tls resources, in the upload to their own member's inbox and in the operator's credentials", () => {
    const found = [...strings(json, "")].filter(([, text]) => keys.test(text)).map(([path]) => path);
    expect(found.filter((path) => !path.startsWith("/resource/tls_")).sort()).toEqual([
      ...NAMES.map((name) => `/resource/null_resource/etcd_member_${name}_stage/provisioner/1/file/content`),
      "/resource/terraform_data/etcd_operator-credentials_files/provisioner/0/local-exec/environment/CLIENT_KEY_PEM",
    ]);
    for (const name of NAMES) {
      const upload = find(json, `null_resource.etcd_member_${name}_stage`).provisioner?.[1].file;
      expect(upload?.content).toBe(`\${tls_private_key.etcd_peer_${name}_key.private_key_pem}`);
      expect(upload?.destination).toBe(`/root/.cdktf-etcd/${name}/etcd-peer-key.pem`);
    }
  });

  test("the inbox is made private before the key is uploaded", () => {
    for (const name of NAMES) {
      const first = find(json, `null_resource.etcd_member_${name}_stage`).provisioner?.[0]["remote-exec"];
      expect(first?.inline.at(-1)).toBe('main open_inbox 30 "$@"');
    }
  });

  test("the CA's private key is used only to sign certificates", () => {
    const caKeys = [...strings(json, "")].filter(([, text]) => /etcd_ca_(?:key|cert)\.private_key_pem/.test(text));
    for (const [path] of caKeys) {
      expect(path).toMatch(
        /^\/resource\/tls_(?:self_signed_cert\/etcd_ca_cert\/private_key_pem|locally_signed_cert\/[^/]+\/ca_private_key_pem)$/,
      );
    }
    expect(caKeys).toHaveLength(1 + NAMES.length + 1);
  });

  test("no key material is an output or a trigger", () => {
    for (const address of addresses(json)) {
      expect(JSON.stringify(find(json, address).triggers ?? {})).not.toMatch(keys);
    }
    expect(json.output).toBeUndefined();
  });
});

describe("the attributes of a cluster", () => {
  test("endpoints lists the client URLs in the order of the member names", () => {
    const cluster = new EtcdCluster(emptyStack(), "etcd", { ...RUNBOOK, members: [...RUNBOOK.members].reverse() });
    expect(cluster.endpoints).toBe("https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379");
  });

  test.each([
    [false, `tls_locally_signed_cert.etcd_peer_${NAMES[1]}_cert.validity_end_time`],
    [true, "tls_locally_signed_cert.etcd_peer_shared_cert.validity_end_time"],
  ])(
    "certificateEnds gives the end of each member's certificate by member name (shared certificate: %s)",
    (sharedPeerCertificate, end) => {
      const json = synth((stack) => {
        const { certificateEnds } = new EtcdCluster(stack, "etcd", {
          ...RUNBOOK,
          certificates: { sharedPeerCertificate },
        });
        expect(Object.keys(certificateEnds)).toEqual(NAMES);
        new TerraformOutput(stack, "end", { value: certificateEnds[NAMES[1]] });
      });
      const ca = "tls_self_signed_cert.etcd_ca_cert.validity_end_time";
      expect(json.output).toEqual({ end: { value: `\${(timecmp(${end}, ${ca}) == -1) ? ${end} : ${ca}}` } });
    },
  );

  test("a cluster exposes each member's address, URLs and certificate, and all CAs that a client must trust", () => {
    const json = synth((stack) => {
      const next = new CertificateAuthority(stack, "next-ca");
      const cluster = new EtcdCluster(stack, "etcd", { ...RUNBOOK, certificates: { trustedAuthorities: [next] } });
      expect(Object.keys(cluster.members)).toEqual(NAMES);
      expect(cluster.members[NAMES[1]]).toMatchObject({
        address: "10.4.7.21",
        peerUrl: "https://10.4.7.21:2380",
        clientUrl: "https://10.4.7.21:2379",
      });
      new TerraformOutput(stack, "cert", { value: cluster.members[NAMES[1]].certificate.certPem });
      new TerraformOutput(stack, "bundle", { value: cluster.caBundlePem });
    });
    expect(json.output).toMatchObject({
      cert: { value: `\${tls_locally_signed_cert.etcd_peer_${NAMES[1]}_cert.cert_pem}` },
      bundle: {
        value: expect.stringMatching(/tls_self_signed_cert\.etcd_ca_cert.*tls_self_signed_cert\.next-ca_cert/),
      },
    });
  });

  test("fromAttributes returns the given attributes and creates no resource", () => {
    const attributes = { endpoints: "https://10.4.7.12:2379", caBundlePem: "PEM" };
    const json = synth((stack) => {
      expect(EtcdCluster.fromAttributes(stack, "elsewhere", attributes)).toMatchObject(attributes);
    });
    expect(json.resource).toBeUndefined();
  });

  test("issueClientCertificate signs a client certificate with the cluster's CA", () => {
    const json = synth((stack) => {
      const cluster = new EtcdCluster(stack, "etcd", RUNBOOK);
      const leaf = cluster.issueClientCertificate("kube-apiserver", {
        commonName: "kube-apiserver-etcd-client",
        organization: "system:masters",
        validityHours: 24,
        earlyRenewalHours: 6,
      });
      new TerraformOutput(stack, "cert", { value: leaf.certPem });
      new TerraformOutput(stack, "key", { value: leaf.privateKeyPem, sensitive: true });
    });
    expect(json.output).toEqual({
      cert: { value: "${tls_locally_signed_cert.etcd_client_kube-apiserver_cert.cert_pem}" },
      key: { value: "${tls_private_key.etcd_client_kube-apiserver_key.private_key_pem}", sensitive: true },
    });
    expect(find(json, "tls_locally_signed_cert.etcd_client_kube-apiserver_cert")).toMatchObject({
      ca_cert_pem: "${tls_self_signed_cert.etcd_ca_cert.cert_pem}",
      allowed_uses: ["client_auth", "digital_signature", "key_encipherment"],
      validity_period_hours: 24,
      early_renewal_hours: 6,
    });
    expect(find(json, "tls_cert_request.etcd_client_kube-apiserver_request").subject).toEqual([
      { common_name: "kube-apiserver-etcd-client", organization: "system:masters" },
    ]);
  });

  test("an address may be a token, and it stays a token wherever it is used", () => {
    const json = synth((stack) => {
      const address = new TerraformVariable(stack, "address", { type: "string" }).stringValue;
      new EtcdCluster(stack, "etcd", { ...RUNBOOK, members: [{ name: "a", address }] });
    });
    expect(
      find(json, "null_resource.etcd_member_a_preflight").provisioner?.[0]["remote-exec"]?.connection,
    ).toMatchObject({
      host: "${var.address}",
    });
    expect(find(json, "tls_cert_request.etcd_peer_a_request").ip_addresses).toBe(
      "${sort(distinct(compact([var.address])))}",
    );
    expect(json.locals?.["etcd_member_a_facts"]).toContain(
      "\nLISTEN_ADDRESS='${var.address}'\nLISTEN_ADDRESSES='${var.address}'\nNAMES=''\nPEER_URL='https://${var.address}:2380'\n",
    );
    expect(find(json, "null_resource.etcd_genesis_founders").triggers).toMatchObject({
      founders: "a=https://${var.address}:2380",
    });
    // Terraform computes the digest, because the text contains the address, which is known only at apply.
    expect(find(json, "null_resource.etcd_member_a_rollout").triggers?.startup_script_sha256).toBe(
      "${sha256(local.etcd_member_a_restart-text)}",
    );
    expect(json.locals?.["etcd_member_a_restart-text"]).toContain(
      "  --listen-peer-urls='https://${var.address}:2380' \\\n",
    );
  });
});

describe("a member whose address is a DNS name", () => {
  const [first, ...others] = RUNBOOK.members;
  const json = synthCluster({
    members: [{ name: first.name, address: "etcd-1.example.org", listenAddress: "10.4.7.12" }, ...others],
  });

  test("is reached at that name by everybody, and listens at its own address", () => {
    const script = json.locals?.[`etcd_member_${first.name}_startup-script_text`];
    for (const line of [
      "--listen-peer-urls=https://10.4.7.12:2380",
      "--listen-client-urls=https://10.4.7.12:2379",
      "--initial-advertise-peer-urls=https://etcd-1.example.org:2380",
      "--advertise-client-urls=https://etcd-1.example.org:2379",
    ])
      expect(script).toContain(`  ${line} \\\n`);
    expect(json.locals?.[`etcd_member_${first.name}_facts`]).toContain(
      "\nHOST='etcd-1.example.org'\nLISTEN_ADDRESS='10.4.7.12'\n",
    );
    const { connection } = find(json, `null_resource.etcd_member_${first.name}_stage`).provisioner?.[0][
      "remote-exec"
    ] ?? { connection: {} };
    expect(connection).toMatchObject({ host: "etcd-1.example.org" });
    expect(json.locals?.["etcd_etcdctl-env_text"]).toContain(
      "ETCDCTL_ENDPOINTS='https://etcd-1.example.org:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'",
    );
  });

  test("is installed again if the host has another address, which may be that of another machine", () => {
    const triggers = (phase: string, member = first.name) =>
      find(json, `null_resource.etcd_member_${member}_${phase}`).triggers;
    for (const phase of ["preflight", "stage"])
      expect(triggers(phase)).toMatchObject({ address: "etcd-1.example.org", listen_address: "10.4.7.12" });
    expect(triggers("stage", others[0].name)).not.toHaveProperty("listen_address");
  });
});

test("three members with a shared certificate have 30 resources, or 38 with the instances of decommission and shutdown", () => {
  const json = synthCluster({ certificates: { sharedPeerCertificate: true } });
  const count = Object.fromEntries(
    Object.entries(json.resource).map(([type, blocks]) => [type, Object.keys(blocks).length]),
  );
  expect(count).toEqual({
    local_file: 7, // the startup script and the supervisor ini of each member, and etcdctl.env
    null_resource: 15, // four phases of each member, genesis, membership and health
    terraform_data: 3, // decommission, shutdown and seal
    tls_cert_request: 1,
    tls_locally_signed_cert: 1,
    tls_private_key: 2,
    tls_self_signed_cert: 1,
  });
  expect(addresses(json)).toHaveLength(30);
  expect(Object.keys(find(json, "terraform_data.etcd_decommission").for_each ?? {})).toEqual(NAMES);
});

test("two clusters in one stack share the providers, the host scripts and the shutdown, and neither deploy waits for the other", () => {
  const json = synth((stack) => {
    new EtcdCluster(stack, "main", RUNBOOK);
    new EtcdCluster(stack, "events", {
      ...RUNBOOK,
      members: [{ name: "events-1", address: "10.4.7.31" }],
    });
  });
  const belongsTo = (address: string) => /\.(main|events)_/.exec(address)?.[1];
  expect(addresses(json).filter((address) => !belongsTo(address))).toEqual([SHUTDOWN, SEAL]);
  expect(Object.keys(find(json, SHUTDOWN).for_each ?? {})).toHaveLength(2 * 7);
  expect(find(json, SHUTDOWN).depends_on).toEqual([
    "terraform_data.main_decommission",
    "terraform_data.events_decommission",
  ]);
  expect(find(json, SEAL).depends_on).toEqual([SHUTDOWN, "null_resource.main_health", "null_resource.events_health"]);
  for (const address of addresses(json).filter(belongsTo)) {
    const owners = allDependencies(json, address).map(belongsTo).filter(Boolean);
    expect([...new Set([...owners, belongsTo(address)])]).toHaveLength(1);
  }
  expect(json.provider).toEqual({ local: [{}], null: [{}], tls: [{}] });
});
