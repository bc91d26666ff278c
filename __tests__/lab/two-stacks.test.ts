import { expectHealthy, pids } from "./support/cluster";
import { LAB, Lab } from "./support/lab";
import { Project } from "./support/project";
import type { Result } from "./support/run";
import { steps, underWriter } from "./support/under-writer";

const NAMES = ["etcd-a", "etcd-b", "etcd-c"];
const HOSTS = ["hdss7-12", "hdss7-21", "hdss7-22"];

/** The machines are resources of another stack of the program; their addresses and ids come from its state. */
describe("a stack of machines, and a stack of the cluster on them", () => {
  let lab: Lab;
  let machines: Project;
  let cluster: Project;
  const props = (...generations: number[]) => ({
    machinesApart: true,
    machines: NAMES.map((name, i) => ({ name, host: HOSTS[i], generation: generations[i] })),
  });

  beforeAll(async () => {
    lab = await Lab.up("two-stacks", "--supervisor", "preinstalled", "--tidy", "yes");
    machines = new Project(lab, "project", undefined, "machines");
    cluster = new Project(lab);
    machines.environment = { LAB_COMMAND: LAB, LAB_OUTSIDE: `/proc/${process.pid}/ns/net` };
  });
  afterAll(() => lab.down());

  async function applied(project: Project, generations: number[]): Promise<Result> {
    const result = await project.apply(props(...generations));
    if (result.code !== 0) throw new Error(result.output);
    return result;
  }

  test("become machines, and then a healthy cluster on them", async () => {
    expect((await applied(machines, [1, 1, 1])).output.match(/machine: made on/g)).toHaveLength(3);
    const { output } = await applied(cluster, [1, 1, 1]);
    // What comes from the other stack's state is not sensitive, or Terraform would hide all that the hosts say.
    expect(steps(output, /rollout: healthy/)).toHaveLength(3);
    await expectHealthy(cluster, NAMES);
    expect((await cluster.apply(props(1, 1, 1))).output).toMatch(/No changes/);
  });

  test("a machine is replaced under its address in two deploys, and no write fails", async () => {
    const before = await pids(lab, ["hdss7-12", "hdss7-22"]);
    const { output } = await underWriter(lab, cluster, "a machine of another stack replaced", async () => {
      await applied(machines, [1, 2, 1]);
      return applied(cluster, [1, 2, 1]);
    });
    expect(steps(output, /rollout: (its data|added|promoted)/)).toEqual([
      "etcd-b rollout: its data are gone: removing the member, then joining it again",
      "etcd-b rollout: added to the cluster",
      "etcd-b rollout: promoted",
    ]);
    await expectHealthy(cluster, NAMES);
    expect(await pids(lab, ["hdss7-12", "hdss7-22"])).toEqual(before);
  });

  test("are destroyed in the opposite order", async () => {
    const stopped = await cluster.destroy();
    expect(stopped.output).toMatch(/Destroy complete!/);
    expect(steps(stopped.output, /shutdown: stopped and unregistered/)).toHaveLength(3);
    const gone = await machines.destroy();
    expect(gone.output).toMatch(/Destroy complete!/);
    expect(gone.output.match(/machine: gone/g)).toHaveLength(3);
  });
});
