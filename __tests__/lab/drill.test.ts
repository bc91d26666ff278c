import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atLeast } from "../../src/release/version";
import { backUp, bringNewest } from "./support/backup";
import { expectHealthy, expectSettled } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";
import { oneInTurns } from "./support/sampling";
import { History, Writer } from "./support/writer";

const VERSIONS = ["3.4.23", "3.5.33", "3.6.14", "3.7.1"];
const HOST_NAMES = Object.keys(HOSTS);

/*
 * The drill for the day on which every host is lost: `npm run drill`. A client writes, a backup is taken and brought to
 * the operator, the disks of all hosts are wiped, and one deploy brings the cluster back. A sampled run has one version.
 */
describe.each(oneInTurns(VERSIONS))("the drill, etcd %s", (version) => {
  let lab: Lab;
  let project: Project;
  let firstDeploySeconds: number;
  let snapshot: string;
  let before: Writer;
  let lastRevision: number;

  const props = { hostBackups: { every: "168h", keepLast: 5 } };

  beforeAll(async () => {
    lab = await Lab.up("drill", "--supervisor", "preinstalled");
    project = new Project(lab, "project", version);
    await project.prepare(props);
    const began = Date.now();
    expect((await project.terraform("apply", "-auto-approve")).output).toMatch(/Apply complete!/);
    firstDeploySeconds = (Date.now() - began) / 1000;
  });
  afterAll(() => lab.down());

  test("a client writes, a backup is taken and brought to the operator, and the client writes on", async () => {
    before = new Writer(lab, project, "pinned", { name: "before" });
    const history = new History(lab, project, { name: "history-before" });
    await sleep(5000);
    expect(await before.stop()).toMatchObject({ failed: 0 });
    expect((await history.stop()).result).toBe("ok");
    await backUp(lab, "hdss7-21");
    snapshot = await bringNewest(lab, project, "hdss7-21");
    const after = new Writer(lab, project, "pinned", { name: "after" });
    await sleep(2000);
    await after.stop();
    lastRevision = Number(/"revision":(\d+)/.exec((await project.etcdctl("get x -w json")).stdout)?.[1]);
    expect(lastRevision).toBeGreaterThan(20);
  });

  test("all hosts lose their disks, and one deploy brings back all that was acknowledged before the snapshot", async () => {
    await lab.lab("reset");
    const restore = { ...props, restoreFrom: { path: snapshot } };
    await project.prepare(restore);
    const began = Date.now();
    const applied = project.terraform("apply", "-auto-approve", "-input=false");
    const firstWrite = (async () => {
      while ((await project.etcdctl("put first write --command-timeout=1s --dial-timeout=1s")).code !== 0)
        await sleep(200);
      return (Date.now() - began) / 1000;
    })();
    const { output } = await applied;
    const seconds = await firstWrite;
    process.stderr.write(
      `the drill, etcd ${version}: first deploy ${firstDeploySeconds.toFixed(1)} s; from wiped hosts to the first acknowledged write ${seconds.toFixed(1)} s, to the end of the deploy ${((Date.now() - began) / 1000).toFixed(1)} s\n`,
    );
    expect(output).toMatch(/Apply complete!/);
    expect(output.match(/admit: has the same data as all other members, and lets clients in/g)).toHaveLength(3);
    await before.check();
    await expectHealthy(project);
    await expectSettled(lab, project, restore);
  });

  test("a client that watches is told that its revision is compacted, and never gets another history", async () => {
    const env = join(project.directory, "credentials", "etcdctl.env");
    const binary = join(lab.directory("bin"), `etcdctl-${version}`);
    const watched = await lab.exec([
      "sh",
      "-c",
      `. ${env} && timeout 5 ${binary} watch --prefix / --rev=${lastRevision + 1} 2>&1`,
    ]);
    const raises = atLeast(version, "3.5.10") || (version.startsWith("3.4.") && atLeast(version, "3.4.27"));
    if (raises) expect(watched.output).toMatch(/required revision has been compacted/);
    else
      process.stderr.write(
        `etcd ${version} has no --bump-revision: a watch from ${lastRevision + 1}: ${watched.output || "nothing"}\n`,
      );
  });

  test("the restored cluster takes writes, and its history is linearizable, too", async () => {
    const writer = new Writer(lab, project, "pinned", { name: "restored" });
    const history = new History(lab, project, { name: "history-restored" });
    await sleep(5000);
    expect(await writer.stop()).toMatchObject({ failed: 0 });
    expect((await history.stop()).result).toBe("ok");
    expect(await lab.onAll("ls -d /data/etcd/*aside* 2>/dev/null; true", HOST_NAMES)).toEqual(["", "", ""]);
  });
});
