import { setTimeout as sleep } from "node:timers/promises";
import { atLeast } from "../../src/release/version";
import { expectHealthy, expectSettled, MEMBERS, member, pids } from "./support/cluster";
import { freezeEtcd, thawEtcd } from "./support/faults";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";
import { oneInTurns } from "./support/sampling";
import { underWriter } from "./support/under-writer";

const DIRECTORY = "/data/etcd/etcd-server-backups";
const TEXTFILES = "/var/lib/node-exporter";
const BACKUPS = { every: "1m", keepLast: 50, textfileDirectory: TEXTFILES };
/** The version of the first deploy. A test upgrades it to that of the project. */
const FIRST_VERSION = "3.5.33";

const nameOf = (host: string) => `etcd-server-${host.slice(4)}`;
const programOf = (host: string) => `/var/lib/cdktf-etcd/${nameOf(host)}/backup`;

describe("backups on the hosts", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("backups", "--supervisor", "preinstalled");
    await lab.onAll(`mkdir ${TEXTFILES}`);
    project = new Project(lab);
    expect((await project.apply({ hostBackups: BACKUPS, version: FIRST_VERSION })).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  /** The good backups on all hosts, as paths, by host. */
  const backups = async () =>
    (await lab.onAll(`ls ${DIRECTORY}/*.db.json 2>/dev/null; true`)).map((list) => list.split("\n").filter(Boolean));
  const count = async () => (await backups()).flat().length;

  /** Makes a backup due at once, and all members look at the same moment. */
  async function makeDue(): Promise<void> {
    // A member that is being restarted does not answer.
    await project.etcdctl("del cdktf-etcd/backup/done --command-timeout=2s");
    await Promise.all(
      Object.keys(HOSTS).map((host) => lab.on(host, `supervisorctl restart ${nameOf(host)}-backup || true`)),
    );
  }

  /** While this works, backups are due again and again. Returns the new ones as pairs of a host and a description. */
  async function whileDue(work: () => Promise<void>): Promise<[host: string, path: string][]> {
    const before = (await backups()).flat();
    let works = true;
    const due = (async () => {
      while (works) {
        await makeDue();
        await sleep(6000);
      }
    })();
    await work().finally(() => (works = false));
    await due;
    return (await backups()).flatMap((list, i) =>
      list.filter((path) => !before.includes(path)).map((path): [string, string] => [Object.keys(HOSTS)[i], path]),
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
      version: FIRST_VERSION,
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

  test("during an upgrade, backups are taken and are good", async () => {
    const taken = await whileDue(async () => {
      expect((await project.apply({ hostBackups: BACKUPS })).output).toMatch(/Apply complete!/);
    });
    const versions = [];
    for (const [host, path] of taken) {
      const file = path.replace(/\.json$/, "");
      expect(await lab.on(host, `sh ${programOf(host)} verify ${file}`)).toMatch(/is good: revision \d+/);
      versions.push(JSON.parse(await lab.on(host, `cat ${path}`)).version);
    }
    process.stderr.write(`the backups of the upgrade are of ${versions.join(", ")}\n`);
    expect(versions.length).toBeGreaterThan(0);
    expect(versions.every((version) => atLeast(version, FIRST_VERSION))).toBe(true);
    await expectHealthy(project);
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
    // One that is still being copied here, at two moments.
    for (const size of [8192, 8192 + 32]) {
      expect(
        await lab.on("hdss7-21", `head -c ${size} ${newest} >/root/part.db; sh ${program} verify /root/part.db; true`),
      ).toMatch(/backup refused: verify: \/root\/part\.db: the snapshot has (no digest|the SHA-256)/);
    }
  });

  test("a file to which somebody writes is refused on its host, although it is whole at each moment, and does not become a backup", async () => {
    const host = "hdss7-21";
    const program = programOf(host);
    const newest = await lab.on(host, `sh ${program} latest`);
    const before = await lab.on(host, `ls ${DIRECTORY}`);
    // Somebody writes the same snapshot into the file again and again.
    expect(
      await lab.on(
        host,
        `cp ${newest} /root/written.db
while [ ! -e /root/enough ]; do dd if=${newest} of=/root/written.db conv=notrunc status=none; done & writer=$!
sh ${program} verify /root/written.db; touch /root/enough; wait $writer; sh ${program} verify /root/written.db`,
      ),
    ).toMatch(
      /^\S+ on \S+: backup refused: verify: \/root\/written\.db: somebody still writes to it; to do: .*\n.*backup: \/root\/written\.db is good/,
    );
    // Somebody appends to what etcd has sent, from the moment at which it is complete.
    expect(
      await lab.on(
        host,
        `part=${DIRECTORY}/.${nameOf(host)}.part
{ until [ -e $part ]; do :; done; exec 3>>$part; while [ ! -e /root/done ]; do printf x >&3; done; } 2>/dev/null & writer=$!
sh ${program} now; touch /root/done; wait $writer; rm -f $part*; sh ${program} latest`,
      ),
    ).toMatch(new RegExp(`backup: FAILED: .*\\n[^]*backup failed: no backup was taken: .*\\n${newest}$`));
    expect(await lab.on(host, `ls ${DIRECTORY}`)).toBe(before);
    // A backup to which somebody has appended later does not count any more, and counts again without that.
    await lab.on(host, `sh ${program} now`);
    const grown = await lab.on(host, `sh ${program} latest`);
    expect(grown).not.toBe(newest);
    expect(await lab.on(host, `printf x >>${grown}; sh ${program} latest`)).toBe(newest);
    expect(await lab.on(host, `truncate -s -1 ${grown}; sh ${program} latest`)).toBe(grown);
  });

  test("a member that joins takes no backup while it is a learner; while members join and leave, the others take theirs", async () => {
    await lab.lab("add", "hdss7-23=10.4.7.23");
    await lab.on("hdss7-23", `mkdir ${TEXTFILES}`);
    const program = programOf("hdss7-23");
    const four = {
      hostBackups: BACKUPS,
      members: [...MEMBERS.map((name) => member(Number(name.slice(14)))), member(23)],
    };
    // The phase that will promote the member is stopped for a moment when etcd has started.
    const tried = lab.on(
      "hdss7-23",
      `until [ -s /data/logs/etcd-server/etcd.log ]; do sleep 0.05; done
phase=$(cut -d" " -f1 /run/cdktf-etcd/${nameOf("hdss7-23")}.lock); kill -STOP $phase
for i in $(seq 40); do said=$(sh ${program} now 2>&1); case $said in *learner*) break ;; esac; sleep 0.5; done
ls ${DIRECTORY}; kill -CONT $phase; echo "$said"`,
    );
    const taken = await whileDue(async () => {
      expect((await project.apply(four)).output).toMatch(/Apply complete!/);
      expect(await tried).toMatch(/^etcd-server-7-23 on hdss7-23: backup refused: now: this member is a learner/);
      // As a voter, it takes one.
      await lab.on("hdss7-23", `sh ${program} now`);
      const path = await lab.on("hdss7-23", `sh ${program} latest`);
      const removed = await project.apply({ hostBackups: BACKUPS });
      expect(removed.output).toMatch(/Apply complete!/);
      expect(removed.output).toMatch(
        /etcd-server-7-23 on hdss7-23: decommission: stopped the backups; those in \S+ are kept/,
      );
      expect(await lab.on("hdss7-23", `ls ${path}`)).toBe(path);
    });
    expect(taken.length).toBeGreaterThan(0);
    await expectHealthy(project);
  });

  /*
   * Hosts in containers share the kernel's clock, so a library that every program of the host loads changes what it
   * reads. Only etcd and its tools do not load it.
   */
  describe.each(
    oneInTurns([
      ["ahead", "+1d"],
      ["behind", "-1d"],
    ]),
  )("a host whose clock is suddenly a day %s", (_, offset) => {
    const HOST = "hdss7-21";
    const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    const own = async () => (await backups())[Object.keys(HOSTS).indexOf(HOST)];
    const OTHERS = Object.keys(HOSTS).filter((host) => host !== HOST);

    test("takes backups, but not one after the other, loses none, and all is as before when it is right again", async () => {
      await lab.on(
        HOST,
        `echo "deb [trusted=yes] http://10.4.7.1:8080/tools ./" >/etc/apt/sources.list.d/tools.list
apt-get -qq update && apt-get -qq --yes install libfaketime >&2; test -e ${LIBRARY}`,
      );
      const before = await backups();
      const realTime = Date.now() / 1000;
      await lab.on(HOST, `echo '${offset}' >/etc/faketimerc; echo ${LIBRARY} >/etc/ld.so.preload`);
      try {
        expect(Math.abs(Number(await lab.on(HOST, "date +%s")) - realTime)).toBeGreaterThan(86_000);
        // It takes the next one, if it must.
        await lab.onAll("supervisorctl stop etcd-server-7-${HOSTNAME##*-}-backup", OTHERS);
        await project.etcdctl("del cdktf-etcd/backup/done");
        await lab.on(HOST, `supervisorctl restart ${nameOf(HOST)}-backup`);
        await until("one of that host", async () => (await own()).length > before[1].length, 90);
        // The others do not trust that time, and take the next ones.
        const after = await count();
        await lab.onAll("supervisorctl start etcd-server-7-${HOSTNAME##*-}-backup", OTHERS);
        await until("one more", async () => (await count()) > after, 90);
        const next = await count();
        await sleep(20_000);
        expect(await count()).toBeLessThanOrEqual(next + 1);
        expect(await project.healthTable()).toMatch(
          /backups: the last good one was taken (\d+ minutes ago on \S+|on \S+, whose clock was \d+ minutes ahead of that of this host): \//,
        );
      } finally {
        await lab.on(HOST, "rm -f /etc/ld.so.preload /etc/faketimerc");
      }
      const now = (await backups()).flat();
      expect(before.flat().filter((path) => !now.includes(path))).toEqual([]);
      const metric = async () =>
        Number(/last_success_timestamp_seconds{.*} (\d+)/.exec(await lab.on(HOST, `cat ${TEXTFILES}/*.prom`))?.[1]);
      await until("metrics without a future", async () => (await metric()) < Date.now() / 1000 + 61);
      await lab.on(HOST, `sh ${programOf(HOST)} now`);
      const latest = await lab.on(HOST, `cat $(sh ${programOf(HOST)} latest).json`);
      expect(Math.abs(JSON.parse(latest).unix_time - Date.now() / 1000)).toBeLessThan(60);
      expect(Math.abs((await metric()) - Date.now() / 1000)).toBeLessThan(60);
      expect(await project.healthTable()).toMatch(/ health: backups: the last good one was taken 0 minutes ago on/);
    });
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

  test("without a quorum, the last member takes a backup of its own, and only one", async () => {
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
    expect(await lab.on("hdss7-12", `grep backup_failures_total ${TEXTFILES}/*.prom`)).toMatch(/\} [1-9]\d*$/m);
    const before = await count();
    await makeDue();
    await until("one more", async () => (await count()) > before);
    await lab.on("hdss7-12", `umount ${DIRECTORY}`);
    await lab.on("hdss7-12", `sh ${programOf("hdss7-12")} now`);
    expect(await project.healthTable()).not.toMatch(/WARNING: backups/);
  });

  test("if no host can take one for long, the health table and the metrics of all say so", async () => {
    const hosts = Object.keys(HOSTS);
    await lab.onAll(`mount -t tmpfs -o size=1m,mode=700 tmpfs ${DIRECTORY}`);
    const at = Math.floor(Date.now() / 1000) - 600;
    await project.etcdctl(`put cdktf-etcd/backup/done "at=${at} member=x revision=1 bytes=1 file=/x"`);
    await lab.onAll(`sh /var/lib/cdktf-etcd/$(hostname | sed s/hdss/etcd-server-/)/backup now || true`);
    const table = await project.healthTable();
    expect(table).toMatch(/WARNING: backups: no good one for 10 minutes, and one is due every 1 minutes/);
    for (const host of hosts) {
      expect(table).toMatch(`WARNING: backups: the last one on ${nameOf(host)} failed 0 minutes ago: `);
      expect(await lab.on(host, `grep backup_failures_total ${TEXTFILES}/*.prom`)).toMatch(/\} [1-9]\d*$/m);
    }
    await lab.onAll(`umount ${DIRECTORY}`);
    await makeDue();
    await until("a good one", async () => !/WARNING: backups: no good one/.test(await project.healthTable()), 90);
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
    // Not the host on which backups from the future may be left.
    const now = `sh ${programOf("hdss7-22")} now`;
    await lab.on("hdss7-22", `${now} && ${now} && ${now}`);
    expect(await lab.on("hdss7-22", `ls ${DIRECTORY}/*.db | wc -l`)).toBe("2");
    // Members were stopped and started above, but no deploy has restarted one.
    const before = await pids(lab);
    const applied = await project.apply();
    expect(applied.output).toMatch(/stage: stopped the backups; those in \S+ are kept/);
    expect(await pids(lab)).toEqual(before);
    expect(await lab.onAll("supervisorctl status | grep -c backup; true")).toEqual(["0", "0", "0"]);
    // It was stopped often, and each time without a word of the shell's.
    const log = "/data/logs/etcd-server/etcd-backup.log";
    expect(await lab.onAll(`grep -vE '^[0-9T:-]+Z etcd-server-' ${log}; true`)).toEqual(["", "", ""]);
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
