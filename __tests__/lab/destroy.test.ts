import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, expectSettled, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { installed } from "./support/moments";
import { Project } from "./support/project";
import { steps } from "./support/under-writer";

const SECOND_NAMES = ["second-12", "second-21", "second-22"];

/** A second cluster, on the same hosts as the first. */
const SECOND = {
  members: SECOND_NAMES.map((name) => ({
    name,
    address: name.replace("second-", "10.4.7."),
    hostName: name.replace("second-", "hdss7-"),
  })),
  ports: { peer: 3380, client: 3379 },
  paths: {
    installRoot: "/opt/second",
    dataDir: "/data/etcd/second",
    logDir: "/data/logs/second",
    supervisorProgramFile: "etcd-second",
  },
};

/** The process ids of the first cluster's members; each host must have one. */
async function firstPids(lab: Lab): Promise<string[]> {
  const pids = await lab.onAll("supervisorctl pid etcd-server-7-${HOSTNAME##*-}");
  pids.forEach((pid) => expect(pid).toMatch(/^\d+$/));
  return pids;
}

describe("terraform destroy", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("destroy", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect(await project.apply()).toMatchObject({ code: 0 });
    await project.etcdctl("put greeting hello");
  });
  afterAll(() => lab.down());

  test("a deploy without the state is refused and touches no running member; once all members are stopped, it adopts their data", async () => {
    const before = await pids(lab);
    const stranger = new Project(lab, "state-lost");
    const refused = await stranger.apply();
    expect(refused.code).not.toBe(0);
    expect(
      steps(
        refused.output,
        /preflight refused: certificate authority: the running member does not trust the CA of the new certificates/,
      ),
    ).toHaveLength(3);
    expect(await pids(lab)).toEqual(before);
    await expectHealthy(project);

    await lab.onAll("supervisorctl stop etcd-server-7-${HOSTNAME##*-}");
    const taken = await stranger.apply();
    expect(taken.output).toMatch(/Apply complete!/);
    expect(steps(taken.output, /bootstrap: has data of its own, nothing to found/)).toHaveLength(3);
    project = stranger;
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });

  test("by default, a destroy stops and unregisters every member, and keeps the data", async () => {
    await project.prepare();
    const destroyed = await project.destroy();
    expect(destroyed.output).toMatch(/Destroy complete!/);
    expect(steps(destroyed.output, /shutdown: stopped and/)).toHaveLength(3);
    expect(await pids(lab)).toEqual(["", "", ""]);
    expect(await lab.onAll("supervisorctl status | grep etcd; ls /etc/supervisor/conf.d | grep etcd; true")).toEqual([
      "",
      "",
      "",
    ]);
    expect(await lab.onAll("ls -d /data/etcd/etcd-server/member/wal")).toEqual(
      Array(3).fill("/data/etcd/etcd-server/member/wal"),
    );
  });

  test("a new deploy brings back the same cluster with its data", async () => {
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });

  test("a cluster whose members are all stopped is started by one deploy that changes something", async () => {
    await lab.onAll("supervisorctl stop etcd-server-7-${HOSTNAME##*-}");
    const started = await project.apply({ quotaBackendBytes: 3_000_000_000 });
    process.stderr.write(`${steps(started.output, /stage|rollout/).join("\n")}\n`);
    expect(started.output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });

  test("if nothing has changed, one command starts it, also after a power cut with supervisor disabled (docs/lost-data.md)", async () => {
    await lab.onAll("systemctl disable supervisor");
    for (const host of Object.keys(HOSTS)) await lab.lab("kill", host);
    for (const host of Object.keys(HOSTS)) await lab.lab("start", host);
    expect(await pids(lab)).toEqual(["", "", ""]);
    const page = readFileSync(join(__dirname, "..", "..", "docs", "lost-data.md"), "utf8");
    const [, command] = /^```sh\n([^`]*_\(stage\|bootstrap\)_[^`]*)^```$/m.exec(page) ?? [];
    const started = await project.shell(`${command}`.replace("terraform apply", "terraform apply -auto-approve"));
    process.stderr.write(`${steps(started.output, /stage|bootstrap|rollout/).join("\n")}\n`);
    expect(started.output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });

  test("a destroy with one unreachable host fails and names that host; a deploy brings all members back, with their data and the same CA", async () => {
    const second = new Project(lab, "second");
    const first = await firstPids(lab);
    // A second cluster that uses one of the first cluster's directories is refused, and the first cluster is unchanged.
    const before = await installed(lab);
    for (const place of ["installRoot", "logDir"] as const) {
      const refused = await second.apply({ ...SECOND, paths: { ...SECOND.paths, [place]: undefined } });
      expect(
        steps(refused.output, new RegExp(`preflight refused: paths\\.${place}: .* belongs to the member`)),
      ).toHaveLength(3);
      expect([await installed(lab), await firstPids(lab)]).toEqual([before, first]);
    }
    expect((await second.apply(SECOND)).output).toMatch(/Apply complete!/);
    await second.etcdctl("put greeting second");
    const ca = await lab.on("hdss7-12", "sha256sum </opt/second/etcd/certs/ca.pem");

    await lab.lab("link", "hdss7-22", "down");
    const failed = await second.destroy();
    expect(failed.code).not.toBe(0);
    expect(steps(failed.output, /shutdown: stopped and/).sort()).toEqual([
      "second-12 shutdown: stopped and unregistered",
      "second-21 shutdown: stopped and unregistered",
    ]);
    expect(failed.output).toMatch(/etcd-shutdown_members_\w+\["etcd\/2"\][^]*timeout - last error: /);
    expect(await lab.onAll("supervisorctl status | grep -c second-; true", ["hdss7-12", "hdss7-21"])).toEqual([
      "0",
      "0",
    ]);
    await lab.lab("link", "hdss7-22", "up");

    expect((await second.apply(SECOND)).output).toMatch(/Apply complete!/);
    await expectHealthy(second, SECOND_NAMES);
    expect((await second.etcdctl("get greeting --print-value-only")).stdout).toBe("second\n");
    expect(await lab.on("hdss7-12", "sha256sum </opt/second/etcd/certs/ca.pem")).toBe(ca);
    expect(await firstPids(lab)).toEqual(first);
  });

  test("one of two clusters on the same hosts is destroyed with its data, in two runs because one host was unreachable; the other cluster keeps its processes and data", async () => {
    const second = new Project(lab, "second");
    const first = await firstPids(lab);
    expect((await second.apply({ ...SECOND, removalPolicy: "destroy" })).output).toMatch(/Apply complete!/);
    await lab.lab("link", "hdss7-22", "down");
    expect((await second.destroy()).output).toMatch(/etcd-shutdown_members_\w+\["etcd\/2"\][^]*timeout - last error: /);
    await lab.lab("link", "hdss7-22", "up");
    expect((await second.destroy()).output).toMatch(/Destroy complete!/);
    expect(
      await lab.onAll(
        "supervisorctl status | grep second-; ls -d /data/etcd/second /data/logs/second /opt/second/etcd* /var/lib/cdktf-etcd/second-* 2>/dev/null; true",
      ),
    ).toEqual(["", "", ""]);
    expect(await firstPids(lab)).toEqual(first);
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });

  test("a host that is dead for good does not answer a destroy; without its entries in the state, the destroy ends (docs/destroy.md)", async () => {
    const second = new Project(lab, "second");
    const first = await firstPids(lab);
    expect((await second.apply(SECOND)).output).toMatch(/Apply complete!/);
    await lab.lab("link", "hdss7-22", "down");
    try {
      expect((await second.destroy()).output).toMatch(/timeout - last error: /);
      const removed = await second.forget("second-22");
      expect(removed.output).toMatch(/etcd-shutdown_members_\w+\["etcd\/2"\]/);
      expect((await second.destroy()).output).toMatch(/Destroy complete!/);
    } finally {
      await lab.lab("link", "hdss7-22", "up");
    }
    expect((await second.terraform("state", "list")).stdout).toBe("");
    // Its etcd still runs, and is stopped as the page says.
    expect(await lab.on("hdss7-22", "supervisorctl status second-22")).toMatch(/RUNNING/);
    await lab.on(
      "hdss7-22",
      "supervisorctl stop second-22; rm /etc/supervisor/conf.d/etcd-second.*; supervisorctl update second-22",
    );
    expect(await firstPids(lab)).toEqual(first);
  });

  test("so does the destroy of a cluster whose hosts are all dead", async () => {
    const second = new Project(lab, "second");
    expect((await second.apply(SECOND)).output).toMatch(/Apply complete!/);
    for (const host of Object.keys(HOSTS)) await lab.lab("link", host, "down");
    try {
      expect((await second.forget(...SECOND_NAMES)).code).toBe(0);
      expect((await second.destroy()).output).toMatch(/Destroy complete!/);
    } finally {
      for (const host of Object.keys(HOSTS)) await lab.lab("link", host, "up");
    }
    expect((await second.terraform("state", "list")).stdout).toBe("");
    // Nobody needs this cluster any more, and the next tests look at everything that is left.
    const { installRoot, dataDir, logDir } = SECOND.paths;
    await lab.onAll(
      `name=second-\${HOSTNAME##*-}
supervisorctl stop $name; rm /etc/supervisor/conf.d/etcd-second.*; supervisorctl update $name
rm -r /var/lib/cdktf-etcd/$name ${installRoot} ${dataDir} ${logDir}`,
    );
    await expectHealthy(project);
  });

  test("a changed removal policy is recorded without touching a running member", async () => {
    const before = await pids(lab);
    const applied = await project.apply({ removalPolicy: "destroy" });
    expect(applied.output).toMatch(/Apply complete! Resources: 0 added, 10 changed, 0 destroyed/);
    expect(await pids(lab)).toEqual(before);
  });

  test("with RemovalPolicy.DESTROY, a destroy also deletes data, logs, certificates and binaries", async () => {
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect(await pids(lab)).toEqual(["", "", ""]);
    expect(
      await lab.onAll(
        "ls -d /data/etcd/etcd-server /data/logs/etcd-server /opt/etcd /opt/etcd-v* /var/lib/cdktf-etcd/* 2>/dev/null; true",
      ),
    ).toEqual(["", "", ""]);
  });

  describe("what is removed from the program, or replaced by hand", () => {
    let leaving: Project;
    const credentials = () =>
      ["ca.pem", "client.pem", "client-key.pem", "etcdctl.env"].map((file) =>
        readFileSync(join(leaving.directory, "credentials", file), "utf8"),
      );
    const authority = () => lab.on("hdss7-12", "sha256sum </opt/etcd/certs/ca.pem");

    beforeAll(async () => {
      leaving = new Project(lab, "leaving");
      expect((await leaving.apply()).output).toMatch(/Apply complete!/);
    });

    test("a changed id of the construct is refused, twice: etcd, the CA and the operator's credentials stay; with the old id, everything is as before", async () => {
      const before = [await pids(lab), await authority(), credentials()];
      for (const attempt of ["first", "second"]) {
        const refused = await leaving.apply({ id: "renamed" });
        expect({ attempt, code: refused.code }).not.toMatchObject({ code: 0 });
        expect(steps(refused.output, /preflight refused: certificate authority: .*/).length).toBeGreaterThan(0);
        expect(refused.output).not.toMatch(/shutdown: stopped/);
        expect([await pids(lab), await authority(), credentials()]).toEqual(before);
        await expectHealthy(leaving);
      }
      expect((await leaving.apply()).output).toMatch(/Apply complete!/);
      expect([await pids(lab), await authority()]).toEqual(before.slice(0, 2));
      await expectHealthy(leaving);
      await expectSettled(lab, leaving);
    });

    test("the id can be changed by moving the resources in the state (docs/destroy.md): the CA stays the same, and no member restarts", async () => {
      const before = [await pids(lab), await authority()];
      await leaving.prepare({ id: "etcd2" });
      const page = readFileSync(join(__dirname, "..", "..", "docs", "destroy.md"), "utf8");
      const [, move] = /^```sh\nnpx cdktf synth\n([^]*?)^```$/m.exec(page) ?? [];
      const back = `${move}`.replace("etcd etcd2 >", "etcd2 etcd >");
      expect(await lab.exec(["sh", "-euc", `${move}`], { cwd: leaving.directory })).toMatchObject({ code: 0 });
      const moved = await leaving.apply({ id: "etcd2" });
      expect(moved.output).toMatch(/Apply complete!/);
      expect(moved.output).not.toMatch(/tls_\S+: Destroying/);
      expect([await pids(lab), await authority()]).toEqual(before);
      await expectSettled(lab, leaving, { id: "etcd2" });
      await leaving.prepare();
      expect(await lab.exec(["sh", "-euc", back], { cwd: leaving.directory })).toMatchObject({ code: 0 });
      expect((await leaving.apply()).output).toMatch(/Apply complete!/);
      expect([await pids(lab), await authority()]).toEqual(before);
    });

    test("-replace of a member's shutdown stops nothing, and -replace of the CA's key changes no certificate", async () => {
      const before = [await pids(lab), await authority(), credentials()];
      const list = (await leaving.terraform("state", "list")).stdout.split("\n");
      for (const address of [
        list.find((name) => name.includes("etcd-shutdown_members") && name.endsWith('["etcd/1"]')),
        list.find((name) => name.startsWith("tls_private_key.etcd_ca_key")),
      ]) {
        const replaced = await leaving.terraform("apply", "-auto-approve", "-input=false", `-replace=${address}`);
        expect(replaced.output).toMatch(/Apply complete! Resources: 1 added, 0 changed, 1 destroyed/);
        expect([await pids(lab), await authority(), credentials()]).toEqual(before);
      }
      await expectSettled(lab, leaving);
    });

    test("a replaced certificate of the CA is refused until the old one is brought back from the state (docs/lost-data.md)", async () => {
      const before = [await pids(lab), await authority(), credentials()];
      const list = (await leaving.terraform("state", "list")).stdout.split("\n");
      const address = list.find((name) => name.startsWith("tls_self_signed_cert.etcd_ca_cert"));
      expect((await leaving.terraform("apply", "-auto-approve", "-input=false", `-replace=${address}`)).code).not.toBe(
        0,
      );
      expect((await leaving.apply()).code).not.toBe(0);
      expect([await pids(lab), await authority(), credentials()]).toEqual(before);
      const page = readFileSync(join(__dirname, "..", "..", "docs", "lost-data.md"), "utf8");
      const [, recovery] = /^```sh\n((?:(?!```)[^])*deposed[^]*?)^```$/m.exec(page) ?? [];
      const recovered = await lab.exec(["sh", "-euc", `${recovery}`], { cwd: leaving.directory });
      expect(recovered).toMatchObject({ code: 0 });
      expect((await leaving.apply()).output).toMatch(/Apply complete!/);
      expect([await pids(lab), await authority()]).toEqual(before.slice(0, 2));
      await expectSettled(lab, leaving);
    });

    test("a cluster that is removed from its stack is stopped while the other one keeps running; so is the last cluster, if the stack calls stopRemovedClusters", async () => {
      const first = await firstPids(lab);
      expect((await leaving.apply({ beside: { second: SECOND } })).output).toMatch(/Apply complete!/);
      expect(await lab.onAll("supervisorctl status | grep -c 'second-[0-9]* .*RUNNING'")).toEqual(["1", "1", "1"]);

      await lab.lab("link", "hdss7-22", "down");
      const failed = await leaving.apply();
      await lab.lab("link", "hdss7-22", "up");
      expect(failed.code).not.toBe(0);
      expect(steps(failed.output, /shutdown: stopped and/)).toHaveLength(2);
      const taken = await leaving.apply();
      expect(taken.output).toMatch(/Apply complete!/);
      expect(steps(taken.output, /shutdown: stopped and/)).toHaveLength(1);
      expect(await lab.onAll("supervisorctl status | grep -c second-; true")).toEqual(["0", "0", "0"]);
      expect(await firstPids(lab)).toEqual(first);
      await expectSettled(lab, leaving);

      const last = await leaving.apply({ id: "" });
      expect(last.output).toMatch(/Apply complete!/);
      expect(steps(last.output, /shutdown: stopped and/)).toHaveLength(3);
      expect(await pids(lab)).toEqual(["", "", ""]);
      expect((await leaving.terraform("state", "list")).stdout).toMatch(/^terraform_data\.etcd-shutdown_seal_\w+\n$/);
    });
  });
});
