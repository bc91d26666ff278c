import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";
import { steps } from "./support/under-writer";

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
});
