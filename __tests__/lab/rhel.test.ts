import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expectHealthy, expectSettled, leftovers, member, MEMBERS, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import type { Result } from "./support/run";

/* Each deploy does several things at once, since a scenario's time is scarce. */

const FIRST = { version: "3.5.33" };
const CHANGED = {
  ...FIRST,
  quotaBackendBytes: 3_000_000_000,
  certificates: { validityHours: 48, earlyRenewalHours: 24 },
};
const UPGRADED = { ...CHANGED, version: "3.6.14" };

describe("hosts of the RHEL family, with supervisor in the layout of EPEL's package", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("el9", "--family", "el9");
    project = new Project(lab, "project", "3.5.33");
  });
  afterAll(() => lab.down());

  test("they have dnf and rpm, and nothing of apt or dpkg", async () => {
    for (const found of await lab.onAll("command -v apt-get dpkg dnf rpm; readlink -f /bin/sh"))
      expect(found).toBe("/usr/bin/dnf\n/usr/bin/rpm\n/usr/bin/bash");
  });

  test("a deploy installs supervisor with dnf, even where dnf knows of an older state of the repository", async () => {
    await makeStale("hdss7-12");
    const applied = await project.apply(FIRST);
    expectApplied(applied, "3.5.33");
    expect(applied.output.match(/stage: installing supervisor with dnf/g)).toHaveLength(3);
    await expectHealthy(project);
    const packages = "rpm -q --qf '%{NAME}\\n' supervisor; systemctl is-enabled supervisord";
    const files = "ls /etc/supervisord.d/etcd*; ls -d /run/supervisor.sock /etc/supervisor /etc/apt 2>/dev/null; true";
    for (const found of await lab.onAll(`${packages}; ${files}`))
      expect(found).toBe("supervisor\nenabled\n/etc/supervisord.d/etcd-server.ini");
  });

  test("a changed flag restarts one member after the other, within half a second; a new leaf is proved to be served", async () => {
    const before = await pids(lab);
    const applied = await project.apply(CHANGED);
    expectApplied(applied, "3.5.33");
    expect(applied.output.match(/stage: both listeners serve the new certificate/g)).toHaveLength(3);
    expectOneByOne(applied, "restarted");
    (await pids(lab)).forEach((pid, i) => expect(pid).not.toBe(before[i]));
    const seconds = await restartSeconds();
    expect(seconds).toHaveLength(3);
    console.log(`supervisord has started etcd again within ${seconds.join(", ")} s`);
    // Without the phase that waits for it, supervisord would need up to a second each time. The median is compared,
    // because another lab may be at work at the same time.
    expect(seconds.sort((a, b) => a - b)[1]).toBeLessThan(0.5);
    expect(await leftovers(lab)).toBe("");
  });

  test("etcd comes back by itself after a reboot of its host, and after supervisord was killed", async () => {
    await lab.lab("reboot", "hdss7-21");
    await until(isHealthy);
    const [, , before] = await pids(lab);
    await lab.on("hdss7-22", "kill -9 $(supervisorctl pid)");
    await until(async () => !["", before].includes((await pids(lab))[2]));
    await until(isHealthy);
  });

  test("an upgrade saves a snapshot, and a later deploy changes nothing", async () => {
    const applied = await project.apply(UPGRADED);
    expectApplied(applied, "3.6.14");
    expect(applied.output.match(/rollout: saved a verified snapshot/g)).toHaveLength(1);
    expectOneByOne(applied, "restarted with etcd 3.6.14");
    await expectSettled(lab, project, UPGRADED);
  });

  test("a member that leaves is stopped and unregistered, and so are all in a destroy; supervisor stays as it was installed", async () => {
    const rest = MEMBERS.slice(0, 2);
    const smaller = await project.apply({ ...UPGRADED, members: [member(12), member(21)] });
    expectApplied(smaller, "3.6.14", rest);
    await expectHealthy(project, rest);
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect((await pids(lab)).join("")).toBe("");
    const left =
      "ls /etc/supervisord.d; find /etc/systemd -name 'cdktf-etcd*'; systemctl show -p Restart -p NeedDaemonReload supervisord";
    const [first, second, third] = await lab.onAll(left);
    expect(first).toBe("Restart=no\nNeedDaemonReload=no");
    expect(second).toBe("jobs.ini\nRestart=no\nNeedDaemonReload=no");
    expect(third).toBe(first);
  });

  /** Makes dnf on the host remember the repository from before it had any packages. */
  async function makeStale(host: string): Promise<void> {
    const repository = join((await lab.lab("http-root")).trim(), "el9");
    renameSync(repository, `${repository}.away`);
    await lab.on(host, "mkdir /srv/empty; createrepo_c -q /srv/empty");
    cpSync(join((await lab.lab("host-root", host)).trim(), "srv/empty"), repository, { recursive: true });
    await lab.on(host, "dnf -q makecache");
    rmSync(repository, { recursive: true });
    renameSync(`${repository}.away`, repository);
    expect(await lab.on(host, "dnf -qy install supervisor 2>&1; true")).toMatch(/Unable to find a match: supervisor/);
  }

  /** For each time that supervisord has started etcd again: how long after it had noticed its end. */
  async function restartSeconds(): Promise<number[]> {
    const script = `awk '
      / exited: etcd-server/ { ended = seconds() }
      / spawned: .etcd-server/ { if (ended) print seconds() - ended; ended = 0 }
      function seconds(t) { split($2, t, /[:,]/); return t[1] * 3600 + t[2] * 60 + t[3] + t[4] / 1000 }
    ' /var/log/supervisor/supervisord.log`;
    return (await lab.onAll(script)).map(Number);
  }

  const isHealthy = async () => (await project.etcdctl("endpoint health")).code === 0;

  async function until(condition: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 60_000; !(await condition()); await sleep(100))
      expect(Date.now()).toBeLessThan(deadline);
  }
});

describe("hosts on which supervisor has a Python of its own, and python3 is not on PATH", () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up("el8", "--family", "el8");
  });
  afterAll(() => lab.down());

  test("a deploy, a new leaf and an upgrade are proved as elsewhere, and a destroy stops all", async () => {
    for (const found of await lab.onAll("command -v apt-get python python3; true")) expect(found).toBe("");
    const project = new Project(lab, "project", "3.5.33");
    expectApplied(await project.apply(FIRST), "3.5.33");
    const upgraded = await project.apply(UPGRADED);
    expectApplied(upgraded, "3.6.14");
    expect(upgraded.output.match(/stage: both listeners serve the new certificate/g)).toHaveLength(3);
    expect(upgraded.output.match(/rollout: saved a verified snapshot/g)).toHaveLength(1);
    expectOneByOne(upgraded, "restarted with etcd 3.6.14");
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect((await pids(lab)).join("")).toBe("");
  });
});

/** Expects the table of a healthy cluster, which has the date until which each certificate can be used. */
function expectApplied({ output }: Result, version: string, names = MEMBERS): void {
  expect(output).toMatch(/Apply complete!/);
  for (const name of names)
    expect(output).toMatch(
      new RegExp(`${name} +[0-9a-f]+ +(leader|follower) +healthy +${version} +\\d+ +to \\d{4}-\\d\\d-\\d\\d +https:`),
    );
}

/** Expects that each member's restart and gate came before the next member's turn. */
function expectOneByOne({ output }: Result, restarted: string): void {
  const steps = [...output.matchAll(/(etcd-server-\S+) on \S+: rollout: (restarted(?: with etcd [\d.]+)?|healthy)/g)];
  expect(steps.map(([, name, step]) => `${name} ${step}`)).toEqual(
    MEMBERS.flatMap((name) => [`${name} ${restarted}`, `${name} healthy`]),
  );
}
