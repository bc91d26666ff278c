import { expectHealthy, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

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

  test("a lost state is recognised on the hosts: nothing that runs is touched, and the ways out are named", async () => {
    const before = await pids(lab);
    const stranger = new Project(lab, "state-lost");
    const refused = await stranger.apply();
    expect(refused.code).not.toBe(0);
    expect(
      refused.output.match(/preflight refused: certificate authority: the running member trusts another CA/g),
    ).toHaveLength(3);
    expect(await pids(lab)).toEqual(before);
    await expectHealthy(project);
  });

  test("another version is refused for members that have data, before anything is touched", async () => {
    const before = await pids(lab);
    const other = project.checkout("other-version", "3.5.33");
    const refused = await other.apply();
    expect(refused.code).not.toBe(0);
    expect(refused.output.match(/preflight refused: version: this member has data of 3\.6\.14/g)).toHaveLength(3);
    expect(await pids(lab)).toEqual(before);
    await expectHealthy(project);
  });

  test("by default stops and unregisters everywhere, and keeps the data", async () => {
    await project.prepare();
    const destroyed = await project.destroy();
    expect(destroyed.output).toMatch(/Destroy complete!/);
    expect(await pids(lab)).toEqual(["", "", ""]);
    expect(await lab.onAll("supervisorctl status; ls /etc/supervisor/conf.d")).toEqual(["", "", ""]);
    expect(await lab.onAll("ls -d /data/etcd/etcd-server/member/wal")).toEqual(
      Array(3).fill("/data/etcd/etcd-server/member/wal"),
    );
  });

  test("a new deploy brings the same cluster and its data back", async () => {
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });

  test("a new removal policy is taken in without touching a running member", async () => {
    const before = await pids(lab);
    const applied = await project.apply({ removalPolicy: "destroy" });
    expect(applied.output).toMatch(/Apply complete! Resources: 0 added, 3 changed, 0 destroyed/);
    expect(await pids(lab)).toEqual(before);
  });

  test("with RemovalPolicy.DESTROY data, logs, certificates and binaries are gone too", async () => {
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect(await pids(lab)).toEqual(["", "", ""]);
    expect(
      await lab.onAll(
        "ls -d /data/etcd/etcd-server /data/logs/etcd-server /opt/etcd /opt/etcd-v* /var/lib/cdktf-etcd/* 2>/dev/null; true",
      ),
    ).toEqual(["", "", ""]);
  });
});
