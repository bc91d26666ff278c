import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, expectSettled, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import { SECOND, firstPids } from "./support/second-cluster";
import { steps } from "./support/under-writer";

describe("what is removed from the program, or replaced by hand", () => {
  let lab: Lab;
  let project: Project;
  const credentials = () =>
    ["ca.pem", "client.pem", "client-key.pem", "etcdctl.env"].map((file) =>
      readFileSync(join(project.directory, "credentials", file), "utf8"),
    );
  const authority = () => lab.on("hdss7-12", "sha256sum </opt/etcd/certs/ca.pem");

  beforeAll(async () => {
    lab = await Lab.up("removed", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  test("a changed id of the construct is refused, twice: etcd, the CA and the operator's credentials stay; with the old id, everything is as before", async () => {
    const before = [await pids(lab), await authority(), credentials()];
    for (const attempt of ["first", "second"]) {
      const refused = await project.apply({ id: "renamed" });
      expect({ attempt, code: refused.code }).not.toMatchObject({ code: 0 });
      expect(steps(refused.output, /preflight refused: certificate authority: .*/).length).toBeGreaterThan(0);
      expect(refused.output).not.toMatch(/shutdown: stopped/);
      expect([await pids(lab), await authority(), credentials()]).toEqual(before);
      await expectHealthy(project);
    }
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    expect([await pids(lab), await authority()]).toEqual(before.slice(0, 2));
    await expectHealthy(project);
    await expectSettled(lab, project);
  });

  test("the id can be changed by moving the resources in the state (docs/destroy.md): the CA stays the same, and no member restarts", async () => {
    const before = [await pids(lab), await authority()];
    await project.prepare({ id: "etcd2" });
    const page = readFileSync(join(__dirname, "..", "..", "docs", "destroy.md"), "utf8");
    const [, move] = /^```sh\nnpx cdktf synth\n([^]*?)^```$/m.exec(page) ?? [];
    const back = `${move}`.replace("etcd etcd2 >", "etcd2 etcd >");
    expect(await lab.exec(["sh", "-euc", `${move}`], { cwd: project.directory })).toMatchObject({ code: 0 });
    const moved = await project.apply({ id: "etcd2" });
    expect(moved.output).toMatch(/Apply complete!/);
    expect(moved.output).not.toMatch(/tls_\S+: Destroying/);
    expect([await pids(lab), await authority()]).toEqual(before);
    await expectSettled(lab, project, { id: "etcd2" });
    await project.prepare();
    expect(await lab.exec(["sh", "-euc", back], { cwd: project.directory })).toMatchObject({ code: 0 });
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    expect([await pids(lab), await authority()]).toEqual(before);
  });

  test("-replace of a member's shutdown stops nothing, and -replace of the CA's key changes no certificate", async () => {
    const before = [await pids(lab), await authority(), credentials()];
    const list = (await project.terraform("state", "list")).stdout.split("\n");
    for (const address of [
      list.find((name) => name.includes("etcd-shutdown_members") && name.endsWith('["etcd/1"]')),
      list.find((name) => name.startsWith("tls_private_key.etcd_ca_key")),
    ]) {
      const replaced = await project.terraform("apply", "-auto-approve", "-input=false", `-replace=${address}`);
      expect(replaced.output).toMatch(/Apply complete! Resources: 1 added, 0 changed, 1 destroyed/);
      expect([await pids(lab), await authority(), credentials()]).toEqual(before);
    }
    await expectSettled(lab, project);
  });

  test("a replaced certificate of the CA is refused until the old one is brought back from the state (docs/lost-data.md)", async () => {
    const before = [await pids(lab), await authority(), credentials()];
    const list = (await project.terraform("state", "list")).stdout.split("\n");
    const address = list.find((name) => name.startsWith("tls_self_signed_cert.etcd_ca_cert"));
    expect((await project.terraform("apply", "-auto-approve", "-input=false", `-replace=${address}`)).code).not.toBe(0);
    expect((await project.apply()).code).not.toBe(0);
    expect([await pids(lab), await authority(), credentials()]).toEqual(before);
    const page = readFileSync(join(__dirname, "..", "..", "docs", "lost-data.md"), "utf8");
    const [, recovery] = /^```sh\n((?:(?!```)[^])*deposed[^]*?)^```$/m.exec(page) ?? [];
    const recovered = await lab.exec(["sh", "-euc", `${recovery}`], { cwd: project.directory });
    expect(recovered).toMatchObject({ code: 0 });
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    expect([await pids(lab), await authority()]).toEqual(before.slice(0, 2));
    await expectSettled(lab, project);
  });

  test("a cluster that is removed from its stack is stopped while the other one keeps running; so is the last cluster, if the stack calls stopRemovedClusters", async () => {
    const first = await firstPids(lab);
    expect((await project.apply({ beside: { second: SECOND } })).output).toMatch(/Apply complete!/);
    expect(await lab.onAll("supervisorctl status | grep -c 'second-[0-9]* .*RUNNING'")).toEqual(["1", "1", "1"]);

    await lab.lab("link", "hdss7-22", "down");
    const failed = await project.apply();
    await lab.lab("link", "hdss7-22", "up");
    expect(failed.code).not.toBe(0);
    expect(steps(failed.output, /shutdown: stopped and/)).toHaveLength(2);
    const taken = await project.apply();
    expect(taken.output).toMatch(/Apply complete!/);
    expect(steps(taken.output, /shutdown: stopped and/)).toHaveLength(1);
    expect(await lab.onAll("supervisorctl status | grep -c second-; true")).toEqual(["0", "0", "0"]);
    expect(await firstPids(lab)).toEqual(first);
    await expectSettled(lab, project);

    const last = await project.apply({ id: "" });
    expect(last.output).toMatch(/Apply complete!/);
    expect(steps(last.output, /shutdown: stopped and/)).toHaveLength(3);
    expect(await pids(lab)).toEqual(["", "", ""]);
    expect((await project.terraform("state", "list")).stdout).toMatch(/^terraform_data\.etcd-shutdown_seal_\w+\n$/);
  });
});
