import { setTimeout as sleep } from "node:timers/promises";
import { expectHealthy, expectSettled, pids } from "./support/cluster";
import { freezeEtcd, thawEtcd } from "./support/faults";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";
import { evenSeeds } from "./support/sampling";
import { underWriter } from "./support/under-writer";

const DIRECTORY = "/data/etcd/etcd-server-backups";
const TEXTFILES = "/var/lib/node-exporter";
const BACKUPS = { every: "1m", keepLast: 50, textfileDirectory: TEXTFILES };

const nameOf = (host: string) => `etcd-server-${host.slice(4)}`;
const programOf = (host: string) => `/var/lib/cdktf-etcd/${nameOf(host)}/backup`;

describe("backups on the hosts", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("backups", "--supervisor", "preinstalled");
    await lab.onAll(`mkdir ${TEXTFILES}`);
    project = new Project(lab);
    expect((await project.apply({ hostBackups: BACKUPS })).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  /** The good backups on all hosts, as paths, by host. */
  const backups = async () =>
    (await lab.onAll(`ls ${DIRECTORY}/*.db.json 2>/dev/null; true`)).map((list) => list.split("\n").filter(Boolean));
  const count = async () => (await backups()).flat().length;

  /** Makes a backup due at once, and all members look at the same moment. */
  async function makeDue(): Promise<void> {
    await project.etcdctl("del cdktf-etcd/backup/done");
    await Promise.all(
      Object.keys(HOSTS).map((host) => lab.on(host, `supervisorctl restart ${nameOf(host)}-backup || true`)),
    );
  }

  async function until(what: string, holds: () => Promise<boolean>, seconds = 60): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!(await holds())) {
      if (Date.now() > deadline) {
        const logs = await lab.onAll("tail -n 20 /data/logs/etcd-server/etcd-backup.log");
        throw new Error(`not within ${seconds} s: ${what}\n${logs.join("\n")}`);
      }
      await sleep(500);
    }
  }

  test("one member takes the first backup by itself, and only root can read it", async () => {
    await until("a first backup", async () => (await count()) === 1);
    const taker = Object.keys(HOSTS)[(await backups()).findIndex((list) => list.length === 1)];
    const [path] = (await backups()).flat();
    const description = JSON.parse(await lab.on(taker, `cat ${path}`));
    expect(description).toMatchObject({
      cluster: "etcd/etcd",
      member: nameOf(taker),
      version: "3.6.14",
      healthy: true,
    });
    const file = path.replace(/\.json$/, "");
    expect(await lab.on(taker, `stat -c '%a %U %s' ${DIRECTORY} ${file}; head -c -32 ${file} | sha256sum`)).toMatch(
      new RegExp(`^700 root \\d+\\n600 root ${description.bytes}\\n${description.sha256}`),
    );
    expect(await project.healthTable()).toMatch(
      new RegExp(`health: backups: the last good one was taken 0 minutes ago on ${nameOf(taker)}: ${file} `),
    );
    expect(await lab.on(taker, `cat ${TEXTFILES}/*.prom`)).toMatch(
      new RegExp(
        `cdktf_etcd_backup_size_bytes\\{cluster="etcd/etcd",member="${nameOf(taker)}"\\} ${description.bytes}`,
      ),
    );
  });

  test("if all members look at the same moment, one of them takes the backup, and no write fails", async () => {
    const before = await count();
    await underWriter(lab, project, "a backup", async () => {
      await makeDue();
      await until("one more", async () => (await count()) > before);
      await sleep(3000);
    });
    expect(await count()).toBe(before + 1);
  });

  test("an operator takes a backup by a command; it is compared with another member, and a damaged copy of it is refused", async () => {
    const program = programOf("hdss7-21");
    await lab.on("hdss7-21", `sh ${program} now`);
    const newest = await lab.on("hdss7-21", `sh ${program} latest`);
    expect(JSON.parse(await lab.on("hdss7-21", `cat ${newest}.json`))).toMatchObject({
      healthy: true,
      compared_with: expect.stringMatching(/^https:\/\/10\.4\.7\.\d+:2379$/),
    });
    expect(await lab.on("hdss7-21", `sh ${program} list`)).toContain(newest);
    expect(await lab.on("hdss7-21", `sh ${program} verify ${newest}`)).toMatch(/is good: revision \d+, sha256 /);
    expect(
      await lab.on(
        "hdss7-21",
        `cp ${newest} /root/bad.db; printf x | dd of=/root/bad.db bs=1 seek=9000 conv=notrunc 2>/dev/null; sh ${program} verify /root/bad.db; true`,
      ),
    ).toMatch(/backup refused: verify: \/root\/bad\.db: the snapshot has the SHA-256 /);
  });

  test("while a member is down, another one takes the backup", async () => {
    await lab.on("hdss7-12", "supervisorctl stop etcd-server-7-12");
    const before = await count();
    await makeDue();
    await until("one more", async () => (await count()) > before);
    await lab.on("hdss7-12", "supervisorctl start etcd-server-7-12");
    await expectHealthy(project);
  });

  test("a taker that is killed (-9) in the middle leaves nothing that counts, and the next one is taken", async () => {
    const before = await count();
    await freezeEtcd(lab, "hdss7-22");
    await lab.on("hdss7-22", `timeout -s KILL 4 sh ${programOf("hdss7-22")} now; true`);
    await thawEtcd(lab, "hdss7-22");
    expect(await count()).toBe(before);
    await makeDue();
    await until("one more", async () => (await count()) > before);
  });

  evenSeeds.test("without a quorum, the last member takes a backup of its own, and only one", async () => {
    const others = ["hdss7-12", "hdss7-21"];
    await Promise.all(others.map((host) => lab.on(host, `supervisorctl stop ${nameOf(host)}`)));
    const own = async () => Number(await lab.on("hdss7-22", `ls ${DIRECTORY}/*.json 2>/dev/null | wc -l`));
    const before = await lab.on("hdss7-22", `sh ${programOf("hdss7-22")} latest 2>/dev/null || true`);
    await lab.on("hdss7-22", "supervisorctl restart etcd-server-7-22-backup");
    const latest = async () => lab.on("hdss7-22", `sh ${programOf("hdss7-22")} latest 2>/dev/null || true`);
    await until("its own", async () => (await latest()) !== before, 90);
    expect(JSON.parse(await lab.on("hdss7-22", `cat ${await latest()}.json`))).toMatchObject({ healthy: false });
    const taken = await own();
    await sleep(35_000);
    expect(await own()).toBe(taken);
    await Promise.all(others.map((host) => lab.on(host, `supervisorctl start ${nameOf(host)}`)));
    await expectHealthy(project);
  });

  test("a host without space fails loudly, in the log, the metrics and the health table, and another host takes the backup", async () => {
    await lab.on("hdss7-12", `mount -t tmpfs -o size=1m,mode=700 tmpfs ${DIRECTORY}`);
    expect(await lab.on("hdss7-12", `sh ${programOf("hdss7-12")} now; true`)).toMatch(
      /backup failed: no backup was taken: \S+ has \d+ MB free, and \d+ MB are needed; to do: /,
    );
    expect(await project.healthTable()).toMatch(
      /WARNING: backups: the last one on etcd-server-7-12 failed 0 minutes ago: \S+ has \d+ MB free, and \d+ MB are needed/,
    );
    expect(await lab.on("hdss7-12", `grep failures_total ${TEXTFILES}/*.prom`)).toMatch(/\} 1$/m);
    const before = await count();
    await makeDue();
    await until("one more", async () => (await count()) > before);
    await lab.on("hdss7-12", `umount ${DIRECTORY}`);
    await lab.on("hdss7-12", `sh ${programOf("hdss7-12")} now`);
    expect(await project.healthTable()).not.toMatch(/WARNING: backups/);
  });

  test("a command after each backup is run, and run again after a failure; a change of the backups restarts no etcd", async () => {
    const command = 'test -e /root/open && cp "$ETCD_BACKUP_FILE" /root/copy.db';
    const applied = await project.apply({ hostBackups: { ...BACKUPS, afterEach: { command } } });
    expect(applied.output).toMatch(/Apply complete!/);
    expect(applied.output).not.toMatch(/rollout: restarted/);
    const program = programOf("hdss7-21");
    await lab.on("hdss7-21", `sh ${program} now`);
    expect(await lab.on("hdss7-21", `grep -h after_each ${TEXTFILES}/*.prom | grep -v '#'`)).toMatch(
      /after_each_failures_total\S+ 1\n\S+after_each_pending\S+ 1/,
    );
    await lab.on("hdss7-21", `touch /root/open; sh ${program} now`);
    expect(await lab.on("hdss7-21", `cmp $(sh ${program} latest) /root/copy.db && echo same`)).toBe("same");
    expect(await lab.on("hdss7-21", `grep -h after_each_pending ${TEXTFILES}/*.prom | grep -v '#'`)).toMatch(/ 0$/);
  });

  test("no more than the retention are kept; without the prop, the program ends, the backups stay, and a destroy keeps them too", async () => {
    expect((await project.apply({ hostBackups: { ...BACKUPS, keepLast: 2 } })).output).toMatch(/Apply complete!/);
    await lab.on("hdss7-21", `sh ${programOf("hdss7-21")} now`);
    expect(await lab.on("hdss7-21", `ls ${DIRECTORY}/*.db | wc -l`)).toBe("2");
    // Members were stopped and started above, but no deploy has restarted one.
    const before = await pids(lab);
    const applied = await project.apply();
    expect(applied.output).toMatch(/stage: stopped the backups; those in \S+ are kept/);
    expect(await pids(lab)).toEqual(before);
    expect(await lab.onAll("supervisorctl status | grep -c backup; true")).toEqual(["0", "0", "0"]);
    await expectSettled(lab, project);
    const kept = await lab.onAll(`ls ${DIRECTORY}`);
    expect(
      (await project.apply({ hostBackups: { ...BACKUPS, every: "168h" }, removalPolicy: "destroy" })).output,
    ).toMatch(/Apply complete!/);
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect(await lab.onAll("supervisorctl status | grep -c etcd; true")).toEqual(["0", "0", "0"]);
    expect(await lab.onAll(`ls ${DIRECTORY}`)).toEqual(kept);
  });
});
