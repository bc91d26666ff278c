import { unregister } from "./support/clean-up";
import { expectHealthy } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { installed } from "./support/moments";
import { Project } from "./support/project";
import { SECOND, SECOND_NAMES, firstPids } from "./support/second-cluster";
import { steps } from "./support/under-writer";

describe("two clusters on the same hosts, of which the second is destroyed", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("two-clusters", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    await project.etcdctl("put greeting hello");
  });
  afterAll(() => lab.down());

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
    await lab.on("hdss7-22", unregister("second-22", "etcd-second"));
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
    await expectHealthy(project);
  });
});
