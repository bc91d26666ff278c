import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { addressed, expectHealthy, expectSettled, member, nameOf, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import { steps, underWriter } from "./support/under-writer";

/*
 * The life of a cluster with another engine than the lab's default: `LAB_ENGINE=tofu npm run test:lab -- engines`.
 * jest.lab.config.js leaves this file out unless LAB_ENGINE is set, because the engine must be built first. With
 * LAB_FRAMEWORK=cdktn, the program and the package are those of CDK Terrain.
 */
const { LAB_ENGINE, LAB_FRAMEWORK = "cdktf" } = process.env;
/** What the frameworks write about themselves into the stack. */
const FRAMEWORKS: { readonly [framework: string]: RegExp } = { cdktf: /^0\.21\./, cdktn: /^0\.24\./ };
const REPORTS: { readonly [engine: string]: RegExp } = {
  terraform: /^Terraform v1\.11\.4$/m,
  "terraform-1.13": /^Terraform v1\.13\.3$/m,
  tofu: /^OpenTofu v1\.12\.6$/m,
};

const HOSTS = ["hdss7-12", "hdss7-21", "hdss7-22", "hdss7-31"];
const of = (version: string, ...numbers: number[]): ProgramProps => ({
  version,
  members: numbers.map((n) => member(n)),
});
const names = (...numbers: number[]) => numbers.map(nameOf);

/** The configuration of OpenTofu's encryption, as docs/engines.md has it. */
function encryption(passphrase: string, plain?: "plain is read, too") {
  const otherwise = plain === undefined ? "enforced = true" : "fallback {\n method = method.unencrypted.migrate\n }";
  const encrypted = (what: string) => `${what} {\n method = method.aes_gcm.operator\n ${otherwise}\n }`;
  return {
    TF_ENCRYPTION: `
      key_provider "pbkdf2" "operator" {
        passphrase = "${passphrase}"
      }
      method "aes_gcm" "operator" {
        keys = key_provider.pbkdf2.operator
      }
      ${plain === undefined ? "" : 'method "unencrypted" "migrate" {}'}
      ${encrypted("state")}
      ${encrypted("plan")}`,
  };
}

describe(`${LAB_FRAMEWORK} with the engine ${LAB_ENGINE}`, () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("engines", "--supervisor", "preinstalled", "--hosts", HOSTS.map(addressed).join());
    project = new Project(lab, "project", "3.5.33");
  });
  afterAll(() => lab.down());

  test("a first deploy makes a healthy cluster, and a second one changes nothing", async () => {
    const first = of("3.5.33", 12, 21, 22);
    await project.prepare(first);
    expect((await project.terraform("version")).output).toMatch(REPORTS[LAB_ENGINE!]);
    const stack = JSON.parse(
      readFileSync(join(project.directory, "cdktf.out", "stacks", "etcd", "cdk.tf.json"), "utf8"),
    );
    expect(stack["//"].metadata.version).toMatch(FRAMEWORKS[LAB_FRAMEWORK]);
    expect((await project.apply(first)).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    await expectSettled(lab, project, first);
  });

  test("an upgrade loses no write", async () => {
    const upgraded = await underWriter(lab, project, "3.5.33 → 3.6.14", () => project.apply(of("3.6.14", 12, 21, 22)));
    expect(upgraded.output).toMatch(/Apply complete!/);
    expect(steps(upgraded.output, /rollout: restarted/)).toEqual(
      names(12, 21, 22).map((name) => `${name} rollout: restarted with etcd 3.6.14, was 3.5.33`),
    );
    await expectHealthy(project);
  });

  test("a member joins, and another one leaves, under a writer", async () => {
    const scaled = of("3.6.14", 21, 22, 31);
    const applied = await underWriter(lab, project, "one joins, one leaves", () => project.apply(scaled));
    expect(applied.output).toMatch(/Apply complete!/);
    await expectHealthy(project, names(21, 22, 31));
    await expectSettled(lab, project, scaled, HOSTS.slice(1));
    expect(await pids(lab, ["hdss7-12"])).toEqual([""]);
  });

  test("a destroy stops and unregisters every member", async () => {
    const destroyed = await project.destroy();
    expect(destroyed.output).toMatch(/Destroy complete!/);
    expect(steps(destroyed.output, /shutdown: stopped/)).toHaveLength(3);
    expect(await pids(lab, HOSTS)).toEqual(["", "", "", ""]);
  });

  const withEncryption = LAB_ENGINE === "tofu" ? describe : describe.skip;
  withEncryption("and encryption", () => {
    const props = of("3.6.14", 12, 21, 22);
    const SECRET = /PRIVATE KEY|LS0tLS1CRUdJTi/;
    let encrypted: Project;
    const read = (...path: string[]) => readFileSync(join(encrypted.directory, ...path), "latin1");

    beforeAll(async () => {
      await lab.lab("reset");
      encrypted = new Project(lab, "encrypted");
    });

    test("a plain state is encrypted by one deploy that reads it with a fallback", async () => {
      expect((await encrypted.apply(props)).output).toMatch(/Apply complete!/);
      expect(read("terraform.etcd.tfstate")).toMatch(SECRET);
      encrypted.environment = encryption("correct horse battery staple", "plain is read, too");
      expect((await encrypted.apply(props)).output).toMatch(/No changes/);
      expect(read("terraform.etcd.tfstate")).not.toMatch(SECRET);
    });

    test("neither the state nor its backup nor a plan contains a readable key", async () => {
      encrypted.environment = encryption("correct horse battery staple");
      expect((await encrypted.apply(props)).output).toMatch(/No changes/);
      await expectHealthy(encrypted);
      await encrypted.synth({ ...props, quotaBackendBytes: 3_000_000_000 });
      const plan = await encrypted.terraform("plan", "-input=false", "-out=saved.plan");
      expect(plan.output).toMatch(/Plan: /);
      expect(read("cdktf.out", "stacks", "etcd", "saved.plan")).not.toMatch(SECRET);
      expect(read("cdktf.out", "stacks", "etcd", "saved.plan")).toMatch(/encrypted_data/);
      expect((await encrypted.terraform("apply", "-input=false", "saved.plan")).output).toMatch(/Apply complete!/);
      for (const file of ["terraform.etcd.tfstate", "terraform.etcd.tfstate.backup"]) {
        expect(existsSync(join(encrypted.directory, file))).toBe(true);
        expect(read(file)).toMatch(/encrypted_data/);
        expect(read(file)).not.toMatch(SECRET);
      }
    });

    test("with a wrong passphrase, or none, every command is refused before a host is reached", async () => {
      const before = await pids(lab, HOSTS);
      const state = read("terraform.etcd.tfstate");
      for (const environment of [encryption("another passphrase here"), {}]) {
        encrypted.environment = environment;
        for (const command of ["plan", "apply"]) {
          const refused = await encrypted.terraform(command, "-input=false");
          expect(refused.code).not.toBe(0);
          expect(refused.output).toMatch(/decrypt|encrypted/i);
          expect(refused.output).not.toMatch(/remote-exec/);
        }
      }
      expect(read("terraform.etcd.tfstate")).toBe(state);
      expect(await pids(lab, HOSTS)).toEqual(before);
    });

    test("with the right one, the cluster can be changed and destroyed", async () => {
      encrypted.environment = encryption("correct horse battery staple");
      await expectSettled(lab, encrypted, { ...props, quotaBackendBytes: 3_000_000_000 });
      expect((await encrypted.destroy()).output).toMatch(/Destroy complete!/);
    });
  });
});
