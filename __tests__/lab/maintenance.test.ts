import { setTimeout as sleep } from "node:timers/promises";
import { expectHealthy, expectSettled, MEMBERS, member, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import { underWriter } from "./support/under-writer";

const nameOf = (host: string) => `etcd-server-${host.slice(4)}`;
const MIB = 1024 ** 2;
const DEFRAGMENT = { defragment: { minFreeBytes: 50 * MIB } };
const DATABASE = "/data/etcd/etcd-server/member/snap/db";

describe("what keeps a cluster's databases in order", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("maintenance", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  const sizes = async () => (await lab.onAll(`stat -c %s ${DATABASE}`)).map(Number);

  async function until(what: string, holds: () => Promise<boolean>, seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!(await holds())) {
      if (Date.now() > deadline) {
        const logs = await lab.onAll(
          "tail -n 20 /data/logs/etcd-server/etcd-defragmentation.log /data/logs/etcd-server/etcd.log; true",
        );
        throw new Error(`not within ${seconds} s: ${what}\n${logs.join("\n")}`);
      }
      await sleep(1000);
    }
  }

  /** Fills the database with values of 1 MB, and frees their pages again. */
  async function fragment(): Promise<void> {
    const environment = ". /opt/etcd/etcdctl.env";
    await lab.on(
      "hdss7-12",
      `set -e; ${environment}; n=0
while [ $n -lt 70 ]; do n=$((n + 1)); head -c 1000000 /dev/urandom | base64 -w 0 | etcdctl put fill/$n >/dev/null; done
etcdctl del fill/ --prefix >/dev/null
etcdctl compact "$(etcdctl get x -w fields | sed -n 's/^"Revision" : //p')" >/dev/null`,
    );
  }

  test("switching defragmentation on restarts no etcd", async () => {
    const before = await pids(lab);
    expect((await project.apply(DEFRAGMENT)).output).toMatch(
      /stage: defragmentation is on: see \S+defragmentation.log/,
    );
    expect(await pids(lab)).toEqual(before);
    await expectSettled(lab, project, DEFRAGMENT);
  });

  test("members are defragmented one after the other, the leader last, and no write fails or is lost", async () => {
    await fragment();
    expect(Math.min(...(await sizes()))).toBeGreaterThan(80 * MIB);
    const leader = (await project.healthTable()).match(/(\S+) +[0-9a-f]+ +leader/)?.[1];
    const log = "/data/logs/etcd-server/etcd-defragmentation.log";
    const done = async () => (await lab.onAll(`grep ' the database had ' ${log}; true`)).filter((text) => text !== "");
    await underWriter(lab, project, "defragmentation of three members", () =>
      until("three defragmentations", async () => (await done()).length === 3, 150),
    );
    expect(Math.max(...(await sizes()))).toBeLessThan(20 * MIB);
    // The times of the log are those at which a defragmentation had ended.
    const times = (await done()).map((text) => {
      const [, at, name, took] = /^(\S+) (\S+) on .* it took (\d+) s/.exec(text) ?? [];
      return { name, end: Date.parse(at) / 1000, begin: Date.parse(at) / 1000 - Number(took) };
    });
    const order = [...times].sort((a, b) => a.end - b.end);
    expect(times.map(({ name }) => name)).toEqual(MEMBERS);
    expect(order[2].name).toBe(leader);
    order.slice(1).forEach(({ begin }, i) => expect(begin).toBeGreaterThanOrEqual(order[i].end));
    const table = await project.healthTable();
    for (const name of MEMBERS) {
      expect(table).toMatch(
        new RegExp(`health: defragmentation: ${name} \\d+ minutes ago: \\d+ → \\d+ bytes in \\d+ s`),
      );
    }
  });

  test("an operator defragments a member by a command; it is refused while another member is down", async () => {
    const program = "sh /var/lib/cdktf-etcd/etcd-server-7-12/defragmentation now; true";
    expect(await lab.on("hdss7-12", program)).toMatch(
      /defragmentation: the database had \d+ bytes and has \d+ bytes; /,
    );
    await lab.on("hdss7-21", "supervisorctl stop etcd-server-7-21");
    expect(await lab.on("hdss7-12", program)).toMatch(
      /defragmentation refused: now: not healthy: etcd-server-7-21 \(https:\/\/10\.4\.7\.21:2380\); to do: /,
    );
    await lab.on("hdss7-21", "supervisorctl start etcd-server-7-21");
    await expectHealthy(project);
  });

  test("the turn of one that was killed (-9) is given back, long before its lease ends", async () => {
    const directory = "/var/lib/cdktf-etcd/etcd-server-7-12";
    const turn = async () => (await project.etcdctl("get cdktf-etcd/turn --print-value-only")).stdout.trim();
    await lab.on(
      "hdss7-12",
      `supervisorctl stop etcd-server-7-12-defragmentation; test ! -e ${directory}/turn || exit
sh ${directory}/defragmentation now & pid=$!; until [ -s ${directory}/turn ]; do sleep 0.01; done; kill -9 $pid`,
    );
    expect(await turn()).toBe("etcd-server-7-12 (https://10.4.7.12:2380)");
    await lab.on("hdss7-12", "supervisorctl start etcd-server-7-12-defragmentation");
    await until("no turn", async () => (await turn()) === "", 60);
  });

  describe("a member whose data differ from the others'", () => {
    const HOST = "hdss7-22";

    /** Changes a value in the database file of one member, in all pages that have it. */
    async function corrupt(word: string): Promise<void> {
      await project.etcdctl(`put marker ${word}`);
      // etcd writes to its database every 100 ms.
      await sleep(1000);
      const places = (await lab.on(HOST, `grep -abo ${word} ${DATABASE} | cut -d: -f1`)).split("\n").filter(Boolean);
      expect(places.length).toBeGreaterThan(0);
      for (const place of places) {
        await lab.on(HOST, `printf X | dd of=${DATABASE} bs=1 seek=${place} conv=notrunc 2>/dev/null`);
      }
    }

    const moveAway = `supervisorctl stop ${nameOf(HOST)} && mv /data/etcd/etcd-server /data/etcd/etcd-server.corrupt-$(date +%s)`;

    const replaced = (reprovision: number) => ({
      ...DEFRAGMENT,
      members: [member(12), member(21), member(22, { reprovision })],
    });

    test("does not start, a deploy says why, and the way of docs/alarms.md brings it back", async () => {
      await corrupt("CORRUPTED-AT-REST");
      await lab.on(HOST, `supervisorctl restart ${nameOf(HOST)} || true`);
      // A deploy that concerns this member.
      expect((await project.apply(replaced(1))).output).toMatch(
        /rollout failed: .*: its data differ from another member's, and either may be the wrong one: see CORRUPT in docs\/alarms.md; to do: /,
      );
      await lab.on(HOST, moveAway);
      expect((await project.apply(replaced(1))).output).toMatch(/Apply complete!/);
      await expectHealthy(project);
      expect((await project.etcdctl("get marker --print-value-only")).stdout).toBe("CORRUPTED-AT-REST\n");
    });

    test("raises the alarm CORRUPT if etcd looks for it, and the way of docs/alarms.md brings it back", async () => {
      const looking = { extraFlags: { "corrupt-check-time": "5s" } };
      expect((await project.apply({ ...replaced(1), ...looking })).output).toMatch(/Apply complete!/);
      await corrupt("CORRUPTED-AT-WORK");
      const alarm = async () => (await project.etcdctl("alarm list")).stdout;
      await until("the alarm", async () => (await alarm()).includes("alarm:CORRUPT"), 30);
      const status = (await project.etcdctl("endpoint status -w json")).stdout;
      const revision = Math.min(...[...status.matchAll(/"revision":(\d+)/g)].map(([, n]) => Number(n)));
      const hashes = await project.etcdctl(`endpoint hashkv --rev=${revision}`);
      const lines = hashes.stdout.trim().split("\n");
      const [first, second, third] = lines.map((line) => line.split(", ")[1]);
      expect([first === second, first === third]).toEqual([true, false]);
      await lab.on(HOST, moveAway);
      await project.etcdctl("alarm disarm");
      expect((await project.apply({ ...replaced(2), ...looking })).output).toMatch(/Apply complete!/);
      await expectHealthy(project);
      expect(await alarm()).toBe("");
      expect((await project.etcdctl("get marker --print-value-only")).stdout).toBe("CORRUPTED-AT-WORK\n");
      await expectSettled(lab, project, { ...replaced(2), ...looking });
    });
  });
});
