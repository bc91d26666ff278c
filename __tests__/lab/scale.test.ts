import { addressed, expectHealthy, expectSettled, hostOf, member, nameOf, pids } from "./support/cluster";
import { moveLeadershipTo, randomMoments } from "./support/faults";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import type { Running } from "./support/run";
import { SEED } from "./support/sampling";
import { steps, underWriter } from "./support/under-writer";

/** How long scaling out takes on this kind of host; the first test measures it. */
let longestSeconds = 10;

const ALL = [11, 12, 21, 22, 31];
/** The first host by name, then the founders' hosts, then the last host by name. */
const HOSTS = ALL.map(hostOf);

const names = (numbers: number[]) => numbers.map(nameOf);
const of = (numbers: number[], more: ProgramProps = {}): ProgramProps => ({
  ...more,
  members: numbers.map((n) => member(n)),
});

let lab: Lab;
let project: Project;

beforeAll(async () => {
  lab = await Lab.up("scale", "--supervisor", "preinstalled", "--hosts", HOSTS.map(addressed).join());
});
afterAll(() => lab.down());

const hosts = (numbers: number[]) => numbers.map(hostOf);
const seconds = (n: number) => new Promise((resolve) => setTimeout(resolve, n * 1000));

/** Resolves when the command has printed something that matches, or has ended. */
async function said({ child, ended }: Running, what: RegExp): Promise<void> {
  let output = "";
  const seen = new Promise<void>((resolve) => {
    child.stdout?.on("data", (chunk) => {
      output += chunk;
      if (what.test(output)) resolve();
    });
  });
  await Promise.race([seen, ended]);
}

describe("adding and removing members, from three to five and back", () => {
  beforeAll(async () => {
    project = new Project(lab);
    expect((await project.apply(of([12, 21, 22]))).output).toMatch(/Apply complete!/);
  });

  test("two new members, the first and the last by name, join one by one as learners, and no member restarts", async () => {
    const before = await pids(lab, hosts([12, 21, 22]));
    const applied = await underWriter(lab, project, "3 → 5", () => project.apply(of(ALL)), { history: true });
    expect(applied.output).toMatch(/Apply complete!/);
    longestSeconds = applied.seconds;
    expect(steps(applied.output, /rollout: (added|promoted|healthy|restarted)/)).toEqual([
      "etcd-server-7-11 rollout: added to the cluster",
      "etcd-server-7-11 rollout: promoted",
      "etcd-server-7-11 rollout: healthy",
      "etcd-server-7-31 rollout: added to the cluster",
      "etcd-server-7-31 rollout: promoted",
      "etcd-server-7-31 rollout: healthy",
    ]);
    expect(await pids(lab, hosts([12, 21, 22]))).toEqual(before);
    await expectHealthy(project, names(ALL));
  });

  test("another order of the members in the program changes nothing", async () => {
    await expectSettled(lab, project, of([...ALL].reverse()), HOSTS);
  });

  test("two members, a founder and the leader, are removed from the cluster one by one and only then stopped; no other member restarts", async () => {
    await moveLeadershipTo(project, 31);
    const staying = [11, 21, 22];
    const before = await pids(lab, hosts(staying));
    const applied = await underWriter(lab, project, "5 → 3", () => project.apply(of(staying)), { history: true });
    expect(applied.output).toMatch(/Apply complete!/);
    const order = steps(applied.output, /: removed |took|stopped and/);
    const outOfTheCluster = [
      "etcd-server-7-11 health: removed etcd-server-7-12 (https://10.4.7.12:2380) from the cluster",
      "etcd-server-7-11 health: removed etcd-server-7-31 (https://10.4.7.31:2380) from the cluster",
      "etcd-server-7-11 health: took over leadership",
    ];
    expect(order.slice(0, 3).sort()).toEqual(outOfTheCluster);
    expect(order.indexOf(outOfTheCluster[2])).toBeLessThan(order.indexOf(outOfTheCluster[1]));
    expect(order.slice(3).sort()).toEqual([
      "etcd-server-7-12 decommission: stopped and unregistered",
      "etcd-server-7-31 decommission: stopped and unregistered",
    ]);
    expect(await pids(lab, HOSTS)).toEqual([before[0], "", before[1], before[2], ""]);
    await expectHealthy(project, names(staying));
    await expectSettled(lab, project, of(staying), HOSTS);
  });

  test("two members come back although their old data were kept, in one apply with a new quota for all: the old data are moved aside", async () => {
    const quota = { quotaBackendBytes: 3_000_000_000 };
    const applied = await underWriter(lab, project, "3 → 5 and a new quota", () => project.apply(of(ALL, quota)));
    expect(applied.output).toMatch(/Apply complete!/);
    expect(
      steps(applied.output, /rollout: (added|restarted|moved the contents)/).map((step) => step.slice(0, 54)),
    ).toEqual([
      "etcd-server-7-11 rollout: restarted",
      "etcd-server-7-12 rollout: moved the contents of /data/",
      "etcd-server-7-12 rollout: added to the cluster",
      "etcd-server-7-21 rollout: restarted",
      "etcd-server-7-22 rollout: restarted",
      "etcd-server-7-31 rollout: moved the contents of /data/",
      "etcd-server-7-31 rollout: added to the cluster",
    ]);
    expect(await lab.onAll("ls -d /data/etcd/etcd-server.aside-*/member/wal | wc -l", hosts([12, 31]))).toEqual([
      "1",
      "1",
    ]);
    await expectHealthy(project, names(ALL));
    expect((await project.apply(of([12, 21, 22], quota))).output).toMatch(/Apply complete!/);
  });

  test("while a member that stays is down, no member is added or removed; with the program set back, there is nothing to do", async () => {
    const quota = { quotaBackendBytes: 3_000_000_000 };
    await lab.on("hdss7-22", "supervisorctl stop etcd-server-7-22");
    const before = await pids(lab, HOSTS);
    const list = (await project.etcdctl("member list")).stdout;
    for (const wanted of [ALL, [21, 22]]) {
      const refused = await project.apply(of(wanted, quota));
      expect(refused.code).not.toBe(0);
      expect(refused.output).toMatch(
        /preflight refused: membership: etcd-server-7-22 \(https:\/\/10\.4\.7\.22:2380\) is not healthy, and members are added or removed only while all members that stay are healthy; to do: bring it back, or remove it from the program too/,
      );
      expect(steps(refused.output, / (stage|bootstrap|rollout|health|decommission): /)).toEqual([]);
    }
    expect(await pids(lab, HOSTS)).toEqual(before);
    expect((await project.etcdctl("member list")).stdout).toBe(list);
    await lab.on("hdss7-22", "supervisorctl start etcd-server-7-22");
    const back = await project.apply(of([12, 21, 22], quota));
    expect(back.output).toMatch(/Apply complete!|No changes/);
    expect(steps(back.output, /restarted|added|: removed |took/)).toEqual([]);
    await expectHealthy(project);
  });

  test(`Terraform killed (-9) at random moments of scaling out or in, seed ${SEED}: no member of the cluster is stopped, and the next apply completes the change, or reverts it`, async () => {
    const quota = { quotaBackendBytes: 3_000_000_000 };
    const moments = randomMoments(SEED, 2, longestSeconds);
    // The change that is killed, and what is applied afterwards: scaling out, scaling in, and scaling back in when one
    // of two has joined.
    const changes = [
      [ALL, ALL],
      [
        [12, 21, 22],
        [12, 21, 22],
      ],
      [ALL, [12, 21, 22]],
    ];
    await underWriter(lab, project, `killed after ${moments.join(", ")} s`, async () => {
      for (const [i, [change, wanted]] of changes.entries()) {
        await project.prepare(of(change, quota));
        const killed = project.startTerraform("apply", "-auto-approve");
        await (i === 2 ? said(killed, /etcd-server-7-11 .*rollout: promoted/) : seconds(moments[i]));
        steps((await project.kill(killed)).output, /./);
        // The order matters: a member that is seen stopped first must be missing from the list that is read next.
        const programs = await lab.onAll("ls /etc/supervisor/conf.d | grep -x etcd-server.ini; true", HOSTS);
        const list = await lab.on("hdss7-22", ". /opt/etcd/etcdctl.env; etcdctl member list");
        const stopped = names(ALL).filter((_, j) => programs[j] === "");
        expect(stopped.filter((name) => list.includes(`${name},`))).toEqual([]);

        const again = await project.applyAfterKill(of(wanted, quota));
        steps(again.output, /./);
        expect(again.output).toMatch(/Apply complete!|No changes/);
        await expectHealthy(project, names(wanted));
        const running = (await pids(lab, HOSTS)).map((pid) => pid !== "");
        expect(running).toEqual(ALL.map((n) => wanted.includes(n)));
      }
    });
    await expectSettled(lab, project, of([12, 21, 22], quota), hosts([12, 21, 22]));
  });

  test("the cluster scales down to one member and up to three again, and the kills have left nothing on the hosts", async () => {
    const quota = { quotaBackendBytes: 3_000_000_000 };
    await underWriter(lab, project, "3 → 1 → 3", async () => {
      expect((await project.apply(of([21], quota))).output).toMatch(/Apply complete!/);
      await expectHealthy(project, names([21]));
      expect((await project.apply(of([12, 21, 22], quota))).output).toMatch(/Apply complete!/);
    });
    await expectHealthy(project);
    await expectSettled(lab, project, of([12, 21, 22], quota), hosts([12, 21, 22]));
  });
});

test("with etcd 3.3, which has no learners, a fourth member is added as a voter, and removed again", async () => {
  await lab.lab("reset");
  project = new Project(lab, "before-learners", "3.3.27");
  expect((await project.apply(of([12, 21, 22]))).output).toMatch(/Apply complete!/);
  const before = await pids(lab);
  await underWriter(lab, project, "3 → 4 → 3 with etcd 3.3", async () => {
    const added = await project.apply(of([11, 12, 21, 22]));
    expect(steps(added.output, /added|promoted/)).toEqual(["etcd-server-7-11 rollout: added to the cluster"]);
    await expectHealthy(project, names([11, 12, 21, 22]));
    expect((await project.apply(of([12, 21, 22]))).output).toMatch(/Apply complete!/);
  });
  expect(await pids(lab)).toEqual(before);
});
