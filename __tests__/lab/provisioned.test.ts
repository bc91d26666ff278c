import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, pids } from "./support/cluster";
import { LAB, Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import type { Result } from "./support/run";
import { steps, underWriter } from "./support/under-writer";

const HOSTS = ["hdss7-12", "hdss7-21", "hdss7-22", "hdss7-23", "hdss7-24"];
const NAMES = ["etcd-a", "etcd-b", "etcd-c"];

interface Machine {
  readonly name: string;
  readonly host: string;
  readonly generation: number;
}
const machine = (name: string, host: string, generation = 1): Machine => ({ name, host, generation });
const of = (...machines: Machine[]): ProgramProps => ({ machines });

/** What the machines and the members did, in the order in which it happened. */
const order = (output: string) =>
  [...output.matchAll(/machine: (?:made on|gone from) \S+|(\S+) on \S+: ((?:dismiss|rollout): .*)/g)]
    .map(([line, name, text]) => (name ? `${name} ${text.trimEnd()}` : line))
    .filter((line) => /machine|dismiss: removed|added|promoted/.test(line));

/** Machines that are resources of the stack: their addresses are known after apply, and sshd is up later than they are. */
describe("a program that makes its machines", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    const hosts = HOSTS.map((host) => `${host}=10.4.7.${host.split("-")[1]}`).join();
    lab = await Lab.up("provisioned", "--supervisor", "preinstalled", "--tidy", "yes", "--hosts", hosts);
    project = new Project(lab);
    project.environment = { LAB_COMMAND: LAB, LAB_OUTSIDE: `/proc/${process.pid}/ns/net` };
  });
  afterAll(() => lab.down());

  async function applied(props: ProgramProps): Promise<Result> {
    const result = await project.apply(props);
    if (result.code !== 0) throw new Error(result.output);
    process.stderr.write(`${result.seconds.toFixed(1)} s: ${order(result.output).join("; ")}\n`);
    return result;
  }

  const three = (b = machine("etcd-b", "hdss7-21"), c = machine("etcd-c", "hdss7-22")) =>
    of(machine("etcd-a", "hdss7-12"), b, c);

  test("one apply makes the machines and a healthy cluster on them, and then what depends on the cluster", async () => {
    const { output } = await applied(three());
    expect(output.indexOf("terraform_data.consumer: Creating")).toBeGreaterThan(output.indexOf("MEMBER  "));
    await expectHealthy(project, NAMES);
    expect((await project.apply(three())).output).toMatch(/No changes/);
  });

  const second = machine("etcd-b", "hdss7-21", 2);
  test("a replaced machine with the same address is taken out first and joins in the same apply; no write fails", async () => {
    const before = await pids(lab, ["hdss7-12", "hdss7-22"]);
    const { output } = await underWriter(lab, project, "a machine replaced", () => applied(three(second)));
    expect(order(output)).toEqual([
      "etcd-c dismiss: removed etcd-b (https://10.4.7.21:2380) from the cluster",
      "machine: gone from hdss7-21",
      "machine: made on hdss7-21",
      "etcd-b rollout: added to the cluster",
      "etcd-b rollout: promoted",
    ]);
    await expectHealthy(project, NAMES);
    expect(await pids(lab, ["hdss7-12", "hdss7-22"])).toEqual(before);
  });

  const moved = machine("etcd-c", "hdss7-23");
  test("a dead machine that is replaced by one with another address: the same, and the dead one is not asked", async () => {
    await underWriter(lab, project, "a dead machine replaced by one with another address", async () => {
      await lab.lab("kill", "hdss7-22");
      const { output } = await applied(three(second, moved));
      expect(order(output)).toEqual([
        "etcd-a dismiss: removed etcd-c (https://10.4.7.22:2380) from the cluster",
        "machine: gone from hdss7-22",
        "machine: made on hdss7-23",
        "etcd-c rollout: added to the cluster",
        "etcd-c rollout: promoted",
      ]);
    });
    await expectHealthy(project, NAMES);
  });

  const scaled = of(second, moved, machine("etcd-d", "hdss7-24"));
  test("a member leaves with its machine, and another one comes with its own, in one apply", async () => {
    const { output } = await underWriter(lab, project, "scaled", () => applied(scaled));
    expect(order(output).filter((line) => /dismiss|gone|etcd-d/.test(line))).toEqual([
      "etcd-b dismiss: removed etcd-a (https://10.4.7.12:2380) from the cluster",
      "machine: gone from hdss7-12",
      "etcd-d rollout: added to the cluster",
      "etcd-d rollout: promoted",
    ]);
    await expectHealthy(project, ["etcd-b", "etcd-c", "etcd-d"]);
  });

  test("all machines replaced in one apply: refused before any machine is destroyed; with the machines back in the program, the member that was taken out joins again", async () => {
    const all = of(
      machine("etcd-b", "hdss7-21", 3),
      machine("etcd-c", "hdss7-23", 3),
      machine("etcd-d", "hdss7-24", 3),
    );
    const refused = await project.apply(all);
    expect(refused.code).toBe(1);
    expect(order(refused.output).filter((line) => /machine/.test(line))).toEqual([]);
    expect(steps(refused.output, /dismiss(:| refused)/).filter((step) => / refused: /.test(step))).toHaveLength(2);
    const { output } = await applied(scaled);
    expect(steps(output, /rollout: (added|promoted)/)).toHaveLength(2);
    await expectHealthy(project, ["etcd-b", "etcd-c", "etcd-d"]);
    expect((await project.apply(scaled)).output).toMatch(/No changes/);
  });

  /** A change of `machinesInStack` alone. */
  async function changeOf(machinesInStack: boolean, props: ProgramProps, hosts: string[]): Promise<void> {
    const before = await pids(lab, hosts);
    const { output } = await applied({ ...props, machinesInStack });
    expect(order(output)).toEqual([]);
    expect(steps(output, /rollout: /)).toEqual(
      ["etcd-b", "etcd-c", "etcd-d"].map((name) => `${name} rollout: healthy`),
    );
    expect(await pids(lab, hosts)).toEqual(before);
    await expectHealthy(project, ["etcd-b", "etcd-c", "etcd-d"]);
  }

  test("machinesInStack: false, which was not so before: stops and restarts nothing", () =>
    changeOf(false, scaled, ["hdss7-21", "hdss7-23", "hdss7-24"]));

  const beside = of(second, moved, machine("etcd-d", "hdss7-22", 2));
  test("machinesInStack: false, and a machine that is replaced by one with another address: the new one is made first, and the old one goes last", async () => {
    const before = await pids(lab, ["hdss7-21", "hdss7-23"]);
    const { output } = await underWriter(lab, project, "a machine made beside the old one", () =>
      applied({ ...beside, machinesInStack: false }),
    );
    expect(order(output)).toEqual([
      "machine: made on hdss7-22",
      "etcd-d rollout: added to the cluster",
      "etcd-d rollout: promoted",
    ]);
    // Terraform does not run the destroy-time provisioner of a resource that it creates before it destroys the old one.
    expect(output.search(/machine\S* \(deposed object \w+\): Destroying/)).toBeGreaterThan(
      output.search(/etcd-d on \S+: rollout: healthy/),
    );
    await expectHealthy(project, ["etcd-b", "etcd-c", "etcd-d"]);
    expect(await pids(lab, ["hdss7-21", "hdss7-23"])).toEqual(before);
  });

  test("machinesInStack: true, which was not so before: stops and restarts nothing", () =>
    changeOf(true, beside, ["hdss7-21", "hdss7-23", "hdss7-22"]));

  test("without a quorum, the dismissals are forgotten, and one apply makes new machines and restores a backup on all of them", async () => {
    expect((await project.etcdctl("put restored 1")).code).toBe(0);
    await lab.on(
      "hdss7-21",
      ". /opt/etcd/etcdctl.env; ETCDCTL_ENDPOINTS=https://10.4.7.21:2379 /opt/etcd/etcdctl snapshot save /root/backup.db",
    );
    const backup = join(project.directory, "backup.db");
    copyFileSync(join((await lab.lab("host-root", "hdss7-21")).trim(), "root/backup.db"), backup);
    for (const host of ["hdss7-22", "hdss7-23"]) await lab.lab("kill", host);
    const dismissals = (await project.terraform("state", "list")).stdout.match(/\S*_dismissal_\S*etcd-[cd]"\]/g) ?? [];
    expect(dismissals).toHaveLength(2);
    expect((await project.terraform("state", "rm", ...dismissals)).code).toBe(0);
    const again = of(second, machine("etcd-c", "hdss7-23", 4), machine("etcd-d", "hdss7-22", 4));
    const { output } = await applied({ ...again, restoreFrom: { path: backup } });
    expect(
      order(output)
        .filter((line) => /machine|dismiss/.test(line))
        .sort(),
    ).toEqual([
      "machine: gone from hdss7-22",
      "machine: gone from hdss7-23",
      "machine: made on hdss7-22",
      "machine: made on hdss7-23",
    ]);
    expect(steps(output, /admit: has the same data/)).toHaveLength(3);
    await expectHealthy(project, ["etcd-b", "etcd-c", "etcd-d"]);
    expect((await project.etcdctl("get restored --print-value-only")).stdout.trim()).toBe("1");
    expect((await project.apply({ ...again, restoreFrom: { path: backup } })).output).toMatch(/No changes/);
  });

  test("a destroy stops the members, and then destroys the machines; one that is dead stops it, until its member is forgotten (docs/destroy.md)", async () => {
    await lab.lab("kill", "hdss7-23");
    const stopped = await project.destroy();
    expect(stopped.output).toMatch(/shutdown\S*\["?\d+"?\][^]*timeout - last error: /);
    expect(stopped.output).not.toMatch(/machine: gone/);
    const forgotten = await project.forget("etcd-c");
    expect(forgotten.output).toMatch(/Removed \S+_dismissal_/);
    const { code, output } = await project.destroy();
    process.stderr.write(`${steps(`${stopped.output}\n${output}`, /shutdown|dismiss/).join("\n")}\n`);
    expect(code).toBe(0);
    expect(steps(stopped.output, /shutdown: stopped and unregistered/)).toHaveLength(2);
    expect(output.match(/machine: gone/g)).toHaveLength(3);
    expect(steps(output, /dismiss/)).toEqual([]);
  });
});
