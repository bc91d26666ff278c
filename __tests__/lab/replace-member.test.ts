import { cleanUp } from "./support/clean-up";
import { addressed, expectHealthy, expectSettled, member, pids } from "./support/cluster";
import { moveLeadershipTo } from "./support/faults";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import { steps, underWriter } from "./support/under-writer";

/** The founders' hosts, and one more that a member moves to. */
const HOSTS = ["hdss7-12", "hdss7-21", "hdss7-22", "hdss7-23"];
const RUN = ["hdss7-12", "hdss7-21", "hdss7-22"];

const NAME = "etcd-server-7-22";
const ELSEWHERE = { name: NAME, address: "10.4.7.23", hostName: "hdss7-23" };

/** Props with these members: a number stands for the member with this number, and an object is used as it is. */
const of = (...members: (number | object)[]): ProgramProps => ({
  members: members.map((given) => (typeof given === "number" ? member(given) : given)),
});

/** How often the program has re-provisioned each member. */
const reprovisions: { [n: number]: number } = {};

/** The three founders, as the program has them by now. */
const founders = (): ProgramProps =>
  of(...[12, 21, 22].map((n) => (reprovisions[n] ? member(n, { reprovision: reprovisions[n] }) : n)));

/** The same with one of them re-provisioned once more. */
function reprovision(n: number): ProgramProps {
  reprovisions[n] = (reprovisions[n] ?? 0) + 1;
  return founders();
}

describe("a member whose host, disk or data are gone", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("replace", "--supervisor", "preinstalled", "--hosts", HOSTS.map(addressed).join());
    project = new Project(lab);
    expect((await project.apply(founders())).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  test("one apply removes a dead host's member that left the program, and says what it could not clean up", async () => {
    const before = await pids(lab, RUN);
    // Another member must lead: if the leader's host dies, that alone costs an election, and the puts that were on
    // their way to it, whatever is deployed afterwards.
    await moveLeadershipTo(project, 12);
    await underWriter(lab, project, "a dead host's member removed", async () => {
      await lab.lab("kill", "hdss7-22");
      const applied = await project.apply(of(12, 21));
      expect(applied.output).toMatch(/Apply complete!/);
      process.stderr.write(`its apply: ${applied.seconds.toFixed(1)} s, of which 10 s are the SSH timeout\n`);
      const programs =
        process.env.LAB_BACKUPS === "yes"
          ? `${NAME} ${NAME}-backup, remove their supervisor files`
          : `${NAME}, remove its supervisor file`;
      expect(steps(applied.output, /: removed |took|there/)).toEqual([
        `etcd-server-7-12 health: removed ${NAME} (https://10.4.7.22:2380) from the cluster`,
        `etcd-server-7-12 health: its etcd did not answer; if its host does not answer either, nothing is cleaned up there, and its etcd refuses to run; ` +
          `to clean up there: supervisorctl stop ${programs}, /data/etcd/etcd-server, /opt/etcd and what it points to`,
      ]);
      await expectHealthy(project, ["etcd-server-7-12", "etcd-server-7-21"]);
    });
    expect(await pids(lab, RUN.slice(0, 2))).toEqual(before.slice(0, 2));
  });

  test("when that host comes back, its etcd refuses to run and the cluster is not affected; put back into the program, the member joins again", async () => {
    const before = await pids(lab, RUN.slice(0, 2));
    await underWriter(lab, project, "a dead host's member back again", async () => {
      await lab.lab("start", "hdss7-22");
      await lab.on(
        "hdss7-22",
        "until grep -q 'permanently removed from the cluster' /data/logs/etcd-server/etcd.log; do sleep 0.2; done",
      );
      await expectHealthy(project, ["etcd-server-7-12", "etcd-server-7-21"]);
      const applied = await project.apply(founders());
      expect(applied.output).toMatch(/Apply complete!/);
      expect(
        steps(applied.output, /moved the contents|added|promoted/).map((step) => step.replace(/ the contents.*/, "")),
      ).toEqual([`${NAME} rollout: moved`, `${NAME} rollout: added to the cluster`, `${NAME} rollout: promoted`]);
    });
    await expectHealthy(project);
    expect(await pids(lab, RUN.slice(0, 2))).toEqual(before);
    await expectSettled(lab, project, founders(), RUN);
  });

  test("a dead host's member moves to another host under its old name: the old one is removed, and the new one joins", async () => {
    const before = await pids(lab, RUN.slice(0, 2));
    await moveLeadershipTo(project, 12);
    await underWriter(lab, project, "a dead host replaced", async () => {
      await lab.lab("kill", "hdss7-22");
      const applied = await project.apply(of(12, 21, ELSEWHERE));
      expect(applied.output).toMatch(/Apply complete!/);
      process.stderr.write(`its apply: ${applied.seconds.toFixed(1)} s\n`);
      expect(
        steps(applied.output, /rollout: (removed|took|added|promoted)|there/).map((step) =>
          step.replace(/, so its old host.*/, ""),
        ),
      ).toEqual([
        `${NAME} rollout: removed ${NAME} (https://10.4.7.22:2380) from the cluster`,
        `${NAME} rollout: its name stays in the program with another address`,
        `${NAME} rollout: added to the cluster`,
        `${NAME} rollout: promoted`,
      ]);
    });
    await expectHealthy(project);
    expect(await pids(lab, RUN.slice(0, 2))).toEqual(before);
  });

  test("a running member moves to an empty host under its old name: the new one joins first, and then the old one is removed", async () => {
    await lab.lab("reset", "hdss7-22");
    const before = await pids(lab, RUN.slice(0, 2));
    await underWriter(lab, project, "a running member moved", async () => {
      const applied = await project.apply(founders());
      expect(applied.output).toMatch(/Apply complete!/);
      expect(steps(applied.output, /: removed |took|added|promoted/)).toEqual([
        `${NAME} rollout: added to the cluster`,
        `${NAME} rollout: promoted`,
        `etcd-server-7-12 health: removed ${NAME} (https://10.4.7.23:2380) from the cluster`,
      ]);
    });
    await expectHealthy(project);
    expect((await project.etcdctl("member list")).stdout).not.toContain("10.4.7.23");
    await lab.on("hdss7-23", cleanUp(NAME));
    expect(await lab.on("hdss7-23", "pgrep -x etcd; ls -A /data/etcd /data/logs /opt /var/lib/cdktf-etcd; true")).toBe(
      ["/data/etcd:", "", "/data/logs:", "", "/opt:", "", "/var/lib/cdktf-etcd:"].join("\n"),
    );
    expect(await pids(lab, RUN.slice(0, 2))).toEqual(before);
  });

  test("an empty machine in a member's place is not noticed; with an increased `reprovision`, it is installed and joins", async () => {
    await underWriter(lab, project, "an empty machine in the place of a member", async () => {
      await lab.lab("reset", "hdss7-21");
      expect((await project.apply(founders())).output).toMatch(/No changes/);
      const wanted = reprovision(21);
      const plan = await project.plan(wanted);
      expect(plan.output.match(/"reprovision" += "0" -> "1"/g)).toHaveLength(3);
      const applied = await project.apply(wanted);
      expect(applied.output).toMatch(/Apply complete!/);
      process.stderr.write(`its apply: ${applied.seconds.toFixed(1)} s\n`);
      expect(steps(applied.output, /rollout: (its data|removed|took|added|promoted)/)).toEqual([
        "etcd-server-7-21 rollout: its data are gone: removing the member, then joining it again",
        "etcd-server-7-21 rollout: removed etcd-server-7-21 (https://10.4.7.21:2380) from the cluster",
        "etcd-server-7-21 rollout: added to the cluster",
        "etcd-server-7-21 rollout: promoted",
      ]);
      await expectHealthy(project);
      await expectSettled(lab, project, wanted, RUN);
    });
  });

  test("a member whose data directory was deleted under a running etcd is re-provisioned with an increased `reprovision`", async () => {
    const wanted = reprovision(12);
    await underWriter(lab, project, "data removed under a running member", async () => {
      await lab.on("hdss7-12", "rm -r /data/etcd/etcd-server");
      const applied = await project.apply(wanted);
      expect(applied.output).toMatch(/Apply complete!/);
      expect(steps(applied.output, /rollout: (its data|added|promoted)/)).toEqual([
        "etcd-server-7-12 rollout: its data are gone: removing the member, then joining it again",
        "etcd-server-7-12 rollout: added to the cluster",
        "etcd-server-7-12 rollout: promoted",
      ]);
    });
    await expectHealthy(project);
  });

  test("a disk in /etc/fstab that is not mounted does not count as lost data: the deploy is refused and touches nothing; with the disk back, the data are kept", async () => {
    const wanted = reprovision(22);
    await lab.on(
      "hdss7-22",
      `supervisorctl stop ${NAME}; mv /data/etcd/etcd-server /data/disk; mkdir /data/etcd/etcd-server; echo '/dev/sdb1 /data/etcd ext4 defaults 0 2' >>/etc/fstab`,
    );
    const before = (await project.etcdctl("member list")).stdout;
    const refused = await project.apply(wanted);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(
      new RegExp(
        `${NAME} on hdss7-22: preflight refused: data directory: /data/etcd is in /etc/fstab but not mounted, so /data/etcd/etcd-server would be on another disk; to do: mount /data/etcd`,
      ),
    );
    expect(steps(refused.output, / (stage|rollout|health): /)).toEqual([]);
    expect((await project.etcdctl("member list")).stdout).toBe(before);
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe("");

    await lab.on(
      "hdss7-22",
      `sed -i '/sdb1/d' /etc/fstab; rmdir /data/etcd/etcd-server; mv /data/disk /data/etcd/etcd-server; supervisorctl restart ${NAME}`,
    );
    const running = await pids(lab, RUN);
    const applied = await project.apply(wanted);
    expect(applied.output).toMatch(/Apply complete!/);
    expect(steps(applied.output, /rollout: /)).toEqual([`${NAME} rollout: healthy`]);
    expect(await pids(lab, RUN)).toEqual(running);
    expect((await project.etcdctl("member list")).stdout).toBe(before);
  });

  test("without a quorum of the other members, re-provisioning is refused, and the line says what to do; once a quorum is back, the member joins", async () => {
    const wanted = reprovision(22);
    await lab.on("hdss7-22", `supervisorctl stop ${NAME}; rm -r /data/etcd/etcd-server`);
    await lab.on("hdss7-21", "supervisorctl stop etcd-server-7-21");
    const refused = await project.apply(wanted);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(
      new RegExp(
        `${NAME} on hdss7-22: rollout refused: no data and no cluster: /data/etcd/etcd-server is empty and no other member has a quorum; to do: bring a quorum of the other members back`,
      ),
    );
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe("");
    await lab.on("hdss7-21", "supervisorctl start etcd-server-7-21");
    const applied = await project.apply(wanted);
    expect(applied.output).toMatch(/Apply complete!/);
    expect(steps(applied.output, /its data|promoted/)).toEqual([
      `${NAME} rollout: its data are gone: removing the member, then joining it again`,
      `${NAME} rollout: promoted`,
    ]);
    await expectHealthy(project);
    await expectSettled(lab, project, wanted, RUN);
  });
});
