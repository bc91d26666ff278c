import { expectHealthy, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import { steps } from "./support/under-writer";

const SECOND_NAMES = ["second-12", "second-21", "second-22"];

/** Another cluster on the hosts of the first. */
const SECOND = {
  members: SECOND_NAMES.map((name) => ({
    name,
    address: name.replace("second-", "10.4.7."),
    host: name.replace("second-", "hdss7-"),
  })),
  ports: { peer: 3380, client: 3379 },
  paths: {
    installRoot: "/opt/second",
    dataDir: "/data/etcd/second",
    logDir: "/data/logs/second",
    supervisorIni: "etcd-second",
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

  test("a lost state is recognised on the hosts: nothing that runs is touched; with all members stopped a new state takes them over", async () => {
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

    await lab.onAll("supervisorctl stop all");
    const taken = await stranger.apply();
    expect(taken.output).toMatch(/Apply complete!/);
    expect(steps(taken.output, /bootstrap: has data of its own, nothing to found/)).toHaveLength(3);
    project = stranger;
    await expectHealthy(project);
    expect((await project.etcdctl("get greeting --print-value-only")).stdout).toBe("hello\n");
  });

  test("by default stops and unregisters everywhere, and keeps the data", async () => {
    await project.prepare();
    const destroyed = await project.destroy();
    expect(destroyed.output).toMatch(/Destroy complete!/);
    expect(steps(destroyed.output, /shutdown: stopped/)).toHaveLength(3);
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

  test("with one host out of reach a destroy fails and names it; a deploy brings all back, with their data, under the same CA", async () => {
    const second = new Project(lab, "second");
    expect((await second.apply(SECOND)).output).toMatch(/Apply complete!/);
    await second.etcdctl("put greeting second");
    const first = await firstPids(lab);
    const ca = await lab.on("hdss7-12", "sha256sum </opt/second/etcd/certs/ca.pem");

    await lab.lab("link", "hdss7-22", "down");
    const failed = await second.destroy();
    expect(failed.code).not.toBe(0);
    expect(steps(failed.output, /shutdown: stopped/).sort()).toEqual([
      "second-12 shutdown: stopped and unregistered",
      "second-21 shutdown: stopped and unregistered",
    ]);
    expect(failed.output).toMatch(/second-22_shutdown_\w+.*\n[^]*timeout.*10\.4\.7\.22:22/);
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

  test("one of two clusters on the same hosts is destroyed with its data, in two runs as one host was away; the other one keeps its processes and data", async () => {
    const second = new Project(lab, "second");
    const first = await firstPids(lab);
    expect((await second.apply({ ...SECOND, removalPolicy: "destroy" })).output).toMatch(/Apply complete!/);
    await lab.lab("link", "hdss7-22", "down");
    expect((await second.destroy()).output).toMatch(/timeout.*10\.4\.7\.22:22/);
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

  test("a new removal policy is taken in without touching a running member", async () => {
    const before = await pids(lab);
    const applied = await project.apply({ removalPolicy: "destroy" });
    expect(applied.output).toMatch(/Apply complete! Resources: 0 added, 6 changed, 0 destroyed/);
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
