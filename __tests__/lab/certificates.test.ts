import { X509Certificate } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expectHealthy, expectSettled, leftovers, MEMBERS, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { installed, phasesEnded, said } from "./support/moments";
import { Project } from "./support/project";
import type { Result } from "./support/run";
import { underWriter } from "./support/under-writer";

interface State {
  readonly resources: {
    readonly type: string;
    readonly name: string;
    readonly instances: { readonly attributes: { cert_pem: string; validity_end_time: string } }[];
  }[];
}

describe("certificates of a running cluster", () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up("certificates", "--supervisor", "preinstalled");
  });
  afterAll(() => lab.down());

  describe("leaf certificates", () => {
    let project: Project;
    let deployed: Result;
    const validity = { validityHours: 48, earlyRenewalHours: 24 };

    beforeAll(async () => {
      project = new Project(lab, "leaf");
      deployed = await project.apply({ certificates: validity });
      expect(deployed.output).toMatch(/Apply complete!/);
    });

    test("the health table and certificateEnds show when each certificate expires", async () => {
      const ends = JSON.parse((await project.terraform("output", "-json", "certificate_ends")).stdout);
      expect(Object.keys(ends)).toEqual(MEMBERS);
      for (const [i, name] of MEMBERS.entries()) {
        const served = await servedBy(lab, project, Object.values(HOSTS)[i], 2379);
        expect(new Date(served.validTo)).toEqual(new Date(ends[name].replace(/\.\d+/, "")));
        expect(deployed.output).toMatch(
          new RegExp(`${name} +[0-9a-f]+ +(leader|follower) +healthy .* to ${ends[name].slice(0, 10)} +https:`),
        );
      }
    });

    test.each([
      ["an early renewal window that has begun", {}],
      [
        "another SAN and CN, and one certificate for all members",
        { dnsNames: ["etcd.example.org"], commonName: "etcd-member", sharedPeerCertificate: true },
      ],
      ["one certificate for each member again", {}],
    ])("%s: both listeners serve the new certificate, no member restarts, and no write fails", async (what, more) => {
      if (what.startsWith("an early")) endSoon(project);
      const old = leaves(project);
      const running = await pids(lab);
      const props = { certificates: { ...validity, ...more } };
      const applied = await underWriter(lab, project, what, () => project.apply(props));

      expect(applied.output).toMatch(/Apply complete!/);
      expect(applied.output.match(/stage: both listeners serve the new certificate/g)).toHaveLength(3);
      expect(applied.output).not.toMatch(/rollout: restarted/);
      expect(await pids(lab)).toEqual(running);
      await expectServed(lab, project, old);
      expect(await leftovers(lab)).toBe("");
    });

    test("afterwards, a deploy changes nothing", () => expectSettled(lab, project, { certificates: validity }));
  });

  describe("a new CA in three deploys", () => {
    let project: Project;

    beforeAll(async () => {
      await lab.lab("reset");
      project = new Project(lab, "authority");
      expect((await project.apply()).output).toMatch(/Apply complete!/);
      keepCredentials(project, "first");
    });

    test("a CA that the members do not trust yet is refused as the signing CA: nothing is touched, and the old program still deploys", async () => {
      const before = await installed(lab);
      const running = await pids(lab);
      const refused = await project.apply({ secondAuthority: "alone" });
      expect(refused.code).not.toBe(0);
      expect(
        refused.output.match(
          /preflight refused: certificate authority: the running member does not trust the CA of the new certificates/g,
        ),
      ).toHaveLength(3);
      expect(await installed(lab)).toEqual(before);
      expect(await isLetIn(lab, project, "first")).toBe(true);

      // Terraform still has the old CA, although the program did not name it.
      expect((await project.apply()).output).toMatch(/Apply complete!/);
      expect(await pids(lab)).toEqual(running);
      await expectHealthy(project);
    });

    test.each([
      ["trusted", "is trusted in addition to the old one, after a rolling restart", 3],
      ["signing", "signs new leaf certificates, without a restart", 0],
      ["alone", "is the only one, after a rolling restart", 3],
    ])("%s: the new CA %s, and no write fails", async (secondAuthority, _, restarts) => {
      const apply = () => project.apply({ secondAuthority });
      const applied = await underWriter(lab, project, `new CA, ${secondAuthority}`, apply);
      expect(applied.output).toMatch(/Apply complete!/);
      expect(applied.output.match(/rollout: restarted/g) ?? []).toHaveLength(restarts);
      await expectHealthy(project);
      // A client with a certificate from the old CA is accepted until the last deploy.
      expect(await isLetIn(lab, project, "first")).toBe(secondAuthority !== "alone");
    });

    test("afterwards, a deploy changes nothing", () => expectSettled(lab, project, { secondAuthority: "alone" }));

    test("a CA that only some members trust is refused as the signing CA, and the members stay connected", async () => {
      // The way back to the cluster's own CA: the deploy that trusts it in addition to the second CA is killed after
      // the first member.
      const back = { secondAuthority: "signing" };
      keepCredentials(project, "second");
      await project.prepare(back);
      const killed = project.startTerraform("apply", "-auto-approve", "-input=false");
      await said(killed, /etcd-server-7-12 on hdss7-12: rollout: restarted/);
      await project.kill(killed);
      await phasesEnded(lab);

      const running = await pids(lab);
      const refused = await project.apply();
      expect(refused.code).not.toBe(0);
      expect(refused.output).toMatch(/etcd-server-7-22 on hdss7-22: preflight refused: certificate authority: /);
      expect(await pids(lab)).toEqual(running);
      // Terraform has issued the operator a certificate that no member trusts yet. The members' own are unchanged.
      expect(await isLetIn(lab, project, "second")).toBe(true);
      const health = await lab.on("hdss7-12", ". /opt/etcd/etcdctl.env; etcdctl endpoint health 2>&1");
      expect(health.match(/is healthy/g)).toHaveLength(3);

      expect((await project.apply(back)).output).toMatch(/Apply complete!/);
      await expectHealthy(project);
    });

    test("once every member trusts the CA, leaf certificates and trust can change in one deploy; only clients of the old CA are rejected", async () => {
      expect(await isLetIn(lab, project, "second")).toBe(true);
      const applied = await project.apply();
      expect(applied.output).toMatch(/Apply complete!/);
      expect(applied.output.match(/rollout: restarted/g)).toHaveLength(3);
      await expectHealthy(project);
      expect(await isLetIn(lab, project, "second")).toBe(false);
      await expectSettled(lab, project);
    });
  });

  describe("a CA of the operator's own", () => {
    test("a deploy with a new state recognizes the running cluster: it renews the leaf certificates, no member restarts, and no write fails", async () => {
      await lab.lab("reset");
      const importedAuthority = lab.directory("own-ca");
      await lab.exec([
        "sh",
        "-ec",
        `cd ${importedAuthority}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca-key.pem -out ca.pem -subj /CN=own-ca -days 3650 -addext keyUsage=critical,keyCertSign,cRLSign`,
      ]);
      const project = new Project(lab, "imported");
      expect((await project.apply({ importedAuthority })).output).toMatch(/Apply complete!/);

      const running = await pids(lab);
      const fresh = new Project(lab, "state-lost");
      const apply = () => fresh.apply({ importedAuthority });
      const applied = await underWriter(lab, project, "state lost, own CA", apply);
      expect(applied.output).toMatch(/Apply complete! Resources: \d+ added, 0 changed, 0 destroyed/);
      expect(applied.output.match(/bootstrap: has data of its own, nothing to found/g)).toHaveLength(3);
      expect(await pids(lab)).toEqual(running);
      await expectHealthy(fresh);
      await expectServed(lab, fresh);
      await expectSettled(lab, fresh, { importedAuthority });
    });
  });

  describe("a CA that has expired", () => {
    test("the members are stopped, get certificates from a new CA, and continue with their data (docs/certificates.md)", async () => {
      await lab.lab("reset");
      const importedAuthority = lab.directory("short-ca");
      // Long enough for the first deploy.
      const end = new Date(Date.now() + 60_000);
      expect(await lab.exec(["sh", "-ec", authorityUntil(end)], { cwd: importedAuthority })).toMatchObject({ code: 0 });
      const project = new Project(lab, "expired");
      expect((await project.apply({ importedAuthority })).output).toMatch(/Apply complete!/);
      await project.etcdctl("put greeting hello");
      await sleep(Math.max(0, end.getTime() + 1000 - Date.now()));

      const refused = await project.apply({ importedAuthority, quotaBackendBytes: 3_000_000_000 });
      expect(
        refused.output.match(/preflight refused: certificates: .* certificate has expired; to do: /g),
      ).toHaveLength(3);

      await lab.onAll("supervisorctl stop etcd-server-7-${HOSTNAME##*-}");
      const continued = await project.apply();
      expect(continued.output).toMatch(/Apply complete!/);
      expect(
        continued.output.match(/stage: etcd was stopped, and the other members had no quorum: started it/g),
      ).toHaveLength(3);
      await expectHealthy(project);
      expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
      await expectSettled(lab, project);
    });
  });

  describe("etcd 3.1.20, which reads its leaf certificate only when it starts", () => {
    test("a changed leaf certificate causes a rolling restart, and no write fails", async () => {
      await lab.lab("reset");
      const project = new Project(lab, "old", "3.1.20");
      expect((await project.apply()).output).toMatch(/Apply complete!/);
      const old = leaves(project);
      const props = { certificates: { dnsNames: ["etcd.example.org"] } };
      const applied = await underWriter(lab, project, "changed leaf, 3.1.20", () => project.apply(props));
      expect(applied.output).toMatch(/Apply complete!/);
      expect(
        [...applied.output.matchAll(/(etcd-server-\S+) on \S+: rollout: (restarted|healthy)/g)].map(
          ([, name, step]) => `${name} ${step}`,
        ),
      ).toEqual(MEMBERS.flatMap((name) => [`${name} restarted`, `${name} healthy`]));
      await expectServed(lab, project, old);
      expect(await leftovers(lab)).toBe("");
    });
  });
});

/** Shell text that makes ca.pem and ca-key.pem in the current directory: a CA that ends then. */
function authorityUntil(end: Date): string {
  const stamp = `${end.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return `openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca-key.pem -out ca.csr -subj /CN=short-ca
: >index.txt
echo 01 >serial
cat >ca.cnf <<END
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = policy
[policy]
commonName = supplied
[extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
END
openssl ca -batch -config ca.cnf -selfsign -keyfile ca-key.pem -in ca.csr -out ca.pem -notext -extensions extensions -enddate ${stamp}`;
}

const stateFile = (project: Project) => join(project.directory, "terraform.etcd.tfstate");

/**
 * The certificate of each member in the state, in the order of `MEMBERS`; with a shared one, it is the same for all.
 */
function leaves(project: Project): X509Certificate[] {
  const state = JSON.parse(readFileSync(stateFile(project), "utf8")) as State;
  const peers = state.resources.filter(
    ({ type, name }) => type === "tls_locally_signed_cert" && name.startsWith("etcd_peer_"),
  );
  return MEMBERS.map((member) => {
    const own = peers.find(({ name }) => name.includes(`_${member}_`)) ?? peers[0];
    return new X509Certificate(own.instances[0].attributes.cert_pem);
  });
}

/** Makes the early renewal window begin: changes the state so that the leaf certificates end in an hour. */
function endSoon(project: Project): void {
  const state = JSON.parse(readFileSync(stateFile(project), "utf8")) as State;
  for (const { type, name, instances } of state.resources) {
    if (type !== "tls_locally_signed_cert" || !name.startsWith("etcd_peer_")) continue;
    instances[0].attributes.validity_end_time = new Date(Date.now() + 3_600_000).toISOString();
  }
  writeFileSync(stateFile(project), JSON.stringify(state));
}

/** Expects that both listeners of each member serve the certificate in the state, and that it is none of `old`. */
async function expectServed(lab: Lab, project: Project, old: X509Certificate[] = []): Promise<void> {
  const expected = leaves(project).map(({ fingerprint256 }) => fingerprint256);
  for (const { fingerprint256 } of old) expect(expected).not.toContain(fingerprint256);
  for (const port of [2379, 2380]) {
    const served = await Promise.all(Object.values(HOSTS).map((address) => servedBy(lab, project, address, port)));
    expect(served.map(({ fingerprint256 }) => fingerprint256)).toEqual(expected);
  }
}

const on = (lab: Lab, project: Project, script: string): Promise<Result> =>
  lab.exec(["sh", "-c", script], { cwd: project.directory });

/** The certificate that a server shows in a TLS handshake from the operator's machine. */
async function servedBy(lab: Lab, project: Project, address: string, port: number): Promise<X509Certificate> {
  const shown = await on(
    lab,
    project,
    `openssl s_client -connect ${address}:${port} -CAfile credentials/ca.pem -cert credentials/client.pem -key credentials/client-key.pem </dev/null 2>&1`,
  );
  return new X509Certificate(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(shown.output)?.[0] ?? "");
}

/** Keeps a copy of the operator's current credentials under another name. */
function keepCredentials({ directory }: Project, name: string): void {
  cpSync(join(directory, "credentials"), join(directory, `credentials-${name}`), { recursive: true });
}

/** Whether the first member answers a client that uses credentials kept by `keepCredentials`. */
async function isLetIn(lab: Lab, project: Project, name: string): Promise<boolean> {
  const answer = await on(
    lab,
    project,
    `cat credentials/ca.pem credentials-${name}/ca.pem >both.pem; curl -sS -m 5 --cacert both.pem --cert credentials-${name}/client.pem --key credentials-${name}/client-key.pem https://10.4.7.12:2379/version`,
  );
  return answer.output.includes("etcdserver");
}
