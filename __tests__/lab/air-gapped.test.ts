import { expectHealthy } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

describe("hosts without internet access", () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up("airgap", "--supervisor", "preinstalled");
  });
  afterAll(() => lab.down());

  test("a local archive is pushed over SSH, and a later deploy does not push it again", async () => {
    const root = (await lab.lab("http-root")).trim();
    const project = new Project(lab);
    await lab.exec(["cp", `${root}/etcd/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz`, `${project.directory}/etcd.tar.gz`]);
    await lab.exec(["mv", `${root}/etcd`, `${root}/etcd.away`]);
    const applied = await project.apply({ localArchive: "etcd.tar.gz" });
    await lab.exec(["mv", `${root}/etcd.away`, `${root}/etcd`]);
    expect(applied.output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    const changed = await project.apply({ localArchive: "etcd.tar.gz", quotaBackendBytes: 3_000_000_000 });
    expect(changed.output).toMatch(/Apply complete!/);
    expect(changed.output).not.toMatch(/_archive_\w+: Creating/);
  });
});
