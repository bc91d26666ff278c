import { setTimeout as sleep } from "node:timers/promises";
import { backUp, bringNewest } from "./support/backup";
import { expectHealthy, expectSettled, member } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import { SEED } from "./support/sampling";
import { steps } from "./support/under-writer";

const BACKUPS = { every: "168h", keepLast: 50 };
const DATA = "/data/etcd/etcd-server";

/* What an operator does with a snapshot: on the same hosts, on others, from one survivor. */
describe("a restore", () => {
  let lab: Lab;
  let project: Project;
  /** The same backup, at the operator's and on its host. */
  let snapshot: string;
  let onHost: string;

  beforeAll(async () => {
    lab = await Lab.up("restore", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply({ hostBackups: BACKUPS })).output).toMatch(/Apply complete!/);
    await put("before", "1");
  });
  afterAll(() => lab.down());

  const put = async (key: string, value: string) => expect((await project.etcdctl(`put ${key} ${value}`)).code).toBe(0);
  const get = async (key: string) => (await project.etcdctl(`get ${key} --print-value-only`)).stdout.trim();
  const clusterId = async () => {
    const { stdout } = await project.etcdctl("member list -w json");
    return BigInt(/"cluster_id":(\d+)/.exec(stdout)?.[1] ?? 0).toString(16);
  };

  const restoring = (restoreFrom: object, more: ProgramProps = {}) =>
    project.apply({ hostBackups: BACKUPS, restoreFrom, ...more });
  const said = (output: string) => steps(output, /offer|restore|bootstrap|admit/);

  test("is refused while the cluster has a quorum, and while a host has a newer backup; nothing is touched", async () => {
    onHost = await backUp(lab, "hdss7-12");
    snapshot = await bringNewest(lab, project, "hdss7-12");
    await put("after", "1");
    const newer = await backUp(lab, "hdss7-21");
    const id = await clusterId();
    const refused = await restoring({ path: snapshot });
    expect(refused.output).toMatch(
      `etcd-server-7-12 on hdss7-12: preflight refused: restore: the cluster ${id} has a quorum (https://10.4.7.12:2379 knows its leader), and all that was written to it after the snapshot would be lost; to do: remove restore from the program; or, if that is what you want, set replacesCluster: "${id}" in it`,
    );
    expect(refused.output).toMatch(
      new RegExp(
        `etcd-server-7-21 on hdss7-21: preflight refused: restore: ${newer} on this host is newer than the snapshot: revision \\d+ of \\S+, the snapshot has revision \\d+ of \\S+; to do: restore that one; or, if you want the older one, set discardsBackup: "${newer.split("/").at(-1)}"`,
      ),
    );
    // Members that leave the program in the same edit would go on beside the new cluster.
    const options = { replacesCluster: id, discardsBackup: newer.split("/").at(-1) };
    const fewer = await restoring({ path: snapshot, ...options }, { members: [member(12)] });
    expect(fewer.output).toMatch(
      "etcd-server-7-12 on hdss7-12: preflight refused: restore: no longer in the program, but still running: etcd-server-7-21 (https://10.4.7.21:2380), etcd-server-7-22 (https://10.4.7.22:2380); ",
    );
    expect(fewer.output).not.toMatch(/refused: restore: .* newer|decommission:/);
    expect(await get("after")).toBe("1");
    expect(await clusterId()).toBe(id);
    // Without the prop, the program is what it was before.
    expect((await project.apply({ hostBackups: BACKUPS })).output).toMatch(/Apply complete!/);
    expect(await clusterId()).toBe(id);
  });

  test("a cluster with a quorum is replaced if the program names it, also if Terraform is killed (-9) again and again; the old data are kept", async () => {
    const id = await clusterId();
    // This host may have taken the first one of the cluster, too.
    const newer = await lab.on("hdss7-21", "ls /data/etcd/etcd-server-backups | grep 'db$' | tail -n 1");
    // From the operator's machine, or from the host on which the backup was taken.
    const source = SEED % 4 === 0 ? { path: snapshot } : { member: "etcd-server-7-12", path: onHost };
    const props = {
      hostBackups: BACKUPS,
      restoreFrom: { ...source, replacesCluster: id, discardsBackup: newer },
    };
    for (const seconds of [4 + (SEED % 8), 2 + (SEED % 5), 1 + (SEED % 4)]) {
      await project.prepare(props);
      const running = project.startTerraform("apply", "-auto-approve", "-input=false");
      await Promise.race([running.ended, sleep(seconds * 1000)]);
      process.stderr.write(`killed after ${seconds} s: ${said((await project.kill(running)).output).join("; ")}\n`);
    }
    const done = await project.apply(props);
    process.stderr.write(`${said(done.output).join("\n")}\n`);
    if (!/Apply complete!|No changes/.test(done.output)) {
      // Terraform may have recorded a killed phase as done; the message has the command.
      const replaced = [...done.output.matchAll(/-replace='([^']+)'/g)].map(([, address]) => `-replace=${address}`);
      expect((await project.terraform("apply", "-auto-approve", ...new Set(replaced))).output).toMatch(
        /Apply complete!/,
      );
    }
    await expectHealthy(project);
    expect(await clusterId()).not.toBe(id);
    expect([await get("before"), await get("after")]).toEqual(["1", ""]);
    expect(await lab.onAll(`ls -d ${DATA}.aside-*`)).toEqual([
      expect.stringMatching(/aside-\d+T\d+Z$/),
      expect.stringMatching(/aside-\d+T\d+Z$/),
      expect.stringMatching(/aside-\d+T\d+Z$/),
    ]);
    await expectSettled(lab, project, props);
    // It is done once, and may leave the program.
    const removed = await project.apply({ hostBackups: BACKUPS });
    expect(removed.output).toMatch(/Apply complete!/);
    expect(removed.output).not.toMatch(/restarted|admit:|bootstrap:/);
    await expectSettled(lab, project, { hostBackups: BACKUPS });
  });

  test("from one survivor, after the two others have lost their disks", async () => {
    await put("survivor", "1");
    await lab.lab("reset", "hdss7-12", "hdss7-22");
    const props = { hostBackups: BACKUPS, restoreFrom: { member: "etcd-server-7-21" } };
    const restored = await project.apply(props);
    process.stderr.write(`${said(restored.output).join("\n")}\n`);
    expect(restored.output).toMatch(/Apply complete!/);
    expect(restored.output).toMatch(/etcd-server-7-21 on hdss7-21: offer: took a snapshot of what this member has/);
    await expectHealthy(project);
    expect([await get("before"), await get("survivor")]).toEqual(["1", "1"]);
    await expectSettled(lab, project, props);
    expect(await lab.onAll("ss -ltn | grep -c ':2382 '; true")).toEqual(["0", "0", "0"]);
  });

  test("from a survivor that was rebooted, and serves nobody without a quorum; and again from one whose etcd does not start any more", async () => {
    await put("rebooted", "1");
    await lab.lab("reset", "hdss7-12", "hdss7-21");
    await lab.lab("reboot", "hdss7-22");
    const props = { hostBackups: BACKUPS, restoreFrom: { member: "etcd-server-7-22" } };
    const restored = await project.apply(props);
    process.stderr.write(`${said(restored.output).join("\n")}\n`);
    expect(restored.output).toMatch(/Apply complete!/);
    expect(restored.output).toMatch(
      /its etcd serves nobody without a quorum, so it was stopped, and its database was copied/,
    );
    await expectHealthy(project);
    expect([await get("before"), await get("rebooted")]).toEqual(["1", "1"]);
    await expectSettled(lab, project, props);

    await put("copied", "1");
    await sleep(1000);
    await lab.lab("reset", "hdss7-12", "hdss7-21");
    await lab.on(
      "hdss7-22",
      `supervisorctl stop etcd-server-7-22; for f in ${DATA}/member/wal/*.wal; do dd if=/dev/urandom of=$f bs=512 count=4 seek=1 conv=notrunc; done`,
    );
    const again = { hostBackups: BACKUPS, restoreFrom: { member: "etcd-server-7-22", attempt: 1 } };
    const copied = await project.apply(again);
    process.stderr.write(`${said(copied.output).join("\n")}\n`);
    expect(copied.output).toMatch(/Apply complete!/);
    expect(copied.output).toMatch(
      /its etcd does not start, so its database was copied: entries that it had acknowledged less than a second before it ended may be missing/,
    );
    await expectHealthy(project);
    expect([await get("before"), await get("copied")]).toEqual(["1", "1"]);
    await expectSettled(lab, project, again);
  });

  test("onto other hosts with other names and addresses, while the old ones are dead", async () => {
    await backUp(lab, "hdss7-12");
    const file = await bringNewest(lab, project, "hdss7-12");
    for (const n of [31, 32, 33]) await lab.lab("add", `hdss7-${n}=10.4.7.${n}`);
    await Promise.all(Object.keys(HOSTS).map((host) => lab.lab("kill", host)));
    const props = {
      members: [31, 32, 33].map((n) => ({ ...member(n), name: `etcd-${n}` })),
      restoreFrom: { path: file },
    };
    const restored = await project.apply(props);
    process.stderr.write(`${said(restored.output).join("\n")}\n`);
    expect(restored.output).toMatch(/Apply complete!/);
    await expectHealthy(project, ["etcd-31", "etcd-32", "etcd-33"]);
    expect(await get("before")).toBe("1");
    await expectSettled(lab, project, props, ["hdss7-31", "hdss7-32", "hdss7-33"]);
  });
});
