import { expectHealthy, expectSettled, pids } from "./support/cluster";
import { FATAL_FLAG, killEtcd } from "./support/faults";
import { Lab } from "./support/lab";
import { phasesEnded, said } from "./support/moments";
import { Project } from "./support/project";
import type { Result } from "./support/run";
import { underWriter } from "./support/under-writer";

/* What else may happen to a cluster while a deploy changes it. */
describe("other deploys and other restarts during a deploy", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("two", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  test("two operators with two states deploy different changes at the same time: still only one member restarts at a time, and no write fails", async () => {
    const other = project.checkout("other");
    const results = await underWriter(lab, project, "two deploys at once", () =>
      Promise.all([
        project.apply({ quotaBackendBytes: 3_000_000_000 }),
        other.apply({ extraFlags: { "snapshot-count": "20000" } }),
      ]),
    );
    expect(await turn(project)).toBe("");
    for (const result of results) {
      if (result.code === 0) continue;
      // A refused deploy prints one clear line: who else is deploying, and what to do.
      const lines = result.output.match(/\w+ on \S+: \w+ (refused|failed): .*|Error: .*/g);
      expect(lines).toEqual([
        expect.stringMatching(/: rollout refused: (stage|turn|restart|locked): .*; to do: /),
        expect.stringMatching(/remote-exec provisioner error/),
      ]);
    }

    // The operators agree, and one of them deploys both changes.
    const both = { quotaBackendBytes: 3_000_000_000, extraFlags: { "snapshot-count": "20000" } };
    expect((await other.apply(both)).output).toMatch(/Apply complete!/);
    const flags = await lab.onAll(
      "tr '\\0' '\\n' </proc/$(supervisorctl pid etcd-server-7-${HOSTNAME##*-})/cmdline | grep -cE -- '^--(quota-backend-bytes=3000000000|snapshot-count=20000)$'",
    );
    expect(flags).toEqual(["2", "2", "2"]);
    await expectHealthy(other);
    // A deploy with the other state records both changes, and no member restarts for that.
    const running = await pids(lab);
    expect((await project.apply(both)).output).toMatch(/Apply complete!/);
    await expectSettled(lab, project, both);
    expect(await pids(lab)).toEqual(running);
  });

  test("a rollout waits while another member has the turn; meanwhile, Terraform refuses a second deploy with the same state", async () => {
    await project.etcdctl("put cdktf-etcd/turn 'etcd-server-9-99 (https://10.4.9.99:2380)'");
    const props = { heartbeatInterval: 110 };
    await project.prepare(props);
    const running = await pids(lab);
    const first = project.startTerraform("apply", "-auto-approve", "-input=false");
    await said(
      first,
      /hdss7-12: rollout: waiting for the turn: etcd-server-9-99 \(https:\/\/10\.4\.9\.99:2380\) is being changed/,
    );
    const second = await project.terraform("apply", "-auto-approve", "-input=false");
    expect(second.code).not.toBe(0);
    expect(second.output).toMatch(/Error acquiring the state lock/);
    expect(await pids(lab)).toEqual(running);
    await project.etcdctl("del cdktf-etcd/turn");
    expect((await first.ended).output).toMatch(/Apply complete!/);
    expect(await turn(project)).toBe("");
  });

  test("etcd of another member is killed (-9) during a rolling change: nothing is lost, and applying again completes the change", async () => {
    const props = { heartbeatInterval: 120 };
    await project.prepare(props);
    const result = await underWriter(lab, project, "another member is killed twice meanwhile", async () => {
      const roll = project.startTerraform("apply", "-auto-approve", "-input=false");
      await said(roll, /etcd-server-7-12 on hdss7-12: rollout: restarted/);
      await killEtcd(lab, "hdss7-22");
      // The rolling change may also have stopped there, and said why.
      const goesOn = said(roll, /etcd-server-7-21 on hdss7-21: rollout: restarted/).then(
        () => true,
        () => false,
      );
      if (await goesOn) await killEtcd(lab, "hdss7-12");
      return roll.ended;
    });
    expectOneLine(result);
    expect((await project.apply(props)).output).toMatch(/Apply complete!|No changes/);
    await expectHealthy(project);
    await expectSettled(lab, project, props);
  });

  test("somebody restarts another member by hand again and again: the rolling change waits for it each time, and nothing is lost", async () => {
    const props = { heartbeatInterval: 130 };
    await project.prepare(props);
    let restarts = 0;
    const result = await underWriter(lab, project, "another member is restarted by hand meanwhile", async () => {
      const roll = project.startTerraform("apply", "-auto-approve", "-input=false");
      for (let over = false; !over; restarts++) {
        // If the rolling change restarts the member at the same moment, supervisorctl may report "spawn error" here;
        // supervisor tries again by itself.
        await lab.on("hdss7-22", "supervisorctl restart etcd-server-7-22 || true");
        over = (await Promise.race([roll.ended, pause(2000)])) !== undefined;
      }
      return roll.ended;
    });
    expectOneLine(result);
    process.stderr.write(`restarted by hand ${restarts} times\n`);
    expect((await project.apply(props)).output).toMatch(/Apply complete!|No changes/);
    await expectHealthy(project);
    await expectSettled(lab, project, props);
  });

  test("a rollout that is killed on its host leaves the turn behind, under a lease; the same member's next rollout takes it over at once", async () => {
    // The rollout waits for an etcd that does not start, so there is time to kill it.
    await project.prepare({
      extraFlags: FATAL_FLAG,
    });
    const killed = project.startTerraform("apply", "-auto-approve", "-input=false");
    while ((await turn(project)) !== "etcd-server-7-12") await pause(200);
    killed.kill("SIGKILL");
    await lab.on("hdss7-12", "pkill -KILL -f '[c]dktf-etcd-.* as-root'");
    await killed.ended;
    await phasesEnded(lab);

    expect(await turn(project)).toBe("etcd-server-7-12");
    const lease = (await project.etcdctl("lease list")).stdout.trim().split("\n").at(-1);
    expect((await project.etcdctl(`lease timetolive --keys ${lease}`)).stdout).toMatch(
      /granted with TTL\(300s\), remaining\(\d+s\), attached keys\(\[cdktf-etcd\/turn\]\)/,
    );

    const props = { heartbeatInterval: 150 };
    const applied = await project.apply(props);
    expect(applied.output).toMatch(/Apply complete!/);
    expect(applied.output).not.toMatch(/waiting for the turn/);
    expect(await turn(project)).toBe("");
    await expectHealthy(project);
    await expectSettled(lab, project, props);
  });

  test("two first deploys at the same time, from two checkouts without a state: one of them forms the cluster, or its next deploy does, but never a mixture of both", async () => {
    await lab.lab("reset");
    const [one, other] = [new Project(lab, "first-one"), new Project(lab, "first-other")];
    await Promise.all([one.prepare(), other.prepare()]);
    const results = await Promise.all(
      [one, other].map((project) => project.terraform("apply", "-auto-approve", "-input=false")),
    );
    results.forEach(({ output }) =>
      process.stderr.write(`${output.match(/(refused|failed): .*; to do: .*|Apply complete.*/g)?.join("\n")}\n\n`),
    );
    expect(results.filter(({ code }) => code === 0).length).toBeLessThan(2);
    if (results.every(({ code }) => code !== 0)) {
      // No etcd has started under either state, and ten minutes later what is staged can be claimed by another deploy.
      expect(await pids(lab)).toEqual(["", "", ""]);
      await lab.onAll("touch -d '11 minutes ago' /var/lib/cdktf-etcd/*/claim");
      expect((await one.apply()).output).toMatch(/Apply complete!/);
    }
    const [winner, loser] = results[1].code === 0 ? [other, one] : [one, other];
    await expectHealthy(winner);
    // The loser's preflights had passed, so its state has the members; but it must not stop what the winner has staged.
    const running = await pids(lab);
    expect((await loser.terraform("destroy", "-auto-approve")).output).toContain("is left to that state");
    expect(await pids(lab)).toEqual(running);
    await expectHealthy(winner);
  });
});

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** The name of the member that has the turn; empty if none has. */
async function turn(project: Project): Promise<string> {
  const answer = await project.etcdctl("get cdktf-etcd/turn --print-value-only");
  expect(answer.code).toBe(0);
  return answer.stdout.trim().replace(/ \(https:.*\)$/, "");
}

/** Expects that a disturbed rolling change has completed, or stopped with one line that says why and what to do. */
function expectOneLine(result: Result): void {
  if (result.code === 0) return;
  expect(result.output.match(/: (rollout|health) (refused|failed): .*; to do: /g)).toHaveLength(1);
}
