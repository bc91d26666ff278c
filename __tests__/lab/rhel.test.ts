import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expectHealthy, expectSettled, leftovers, member, MEMBERS, nameOf, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
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

/** The package manager and the Python of each family of the lab's hosts, besides rpm. */
const FAMILIES: { readonly [family: string]: { readonly manager: string; readonly commands: string } } = {
  el9: { manager: "dnf", commands: "/usr/bin/dnf /usr/bin/yum /usr/bin/python3" },
  el8: { manager: "dnf", commands: "/usr/bin/dnf /usr/bin/yum" },
  el7: { manager: "yum", commands: "/usr/bin/yum /usr/bin/python" },
};
/** `LAB_FAMILY=el7 npm run test:lab -- rhel` deploys to hosts of that family alone. */
const { LAB_FAMILY } = process.env;
const family = LAB_FAMILY ?? "el9";

describe(`hosts of the RHEL family (${family}), with supervisor in the layout of EPEL's package`, () => {
  const { manager, commands } = FAMILIES[family];
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up(family, "--family", family);
    project = new Project(lab, "project", "3.5.33");
  });
  afterAll(() => lab.down());

  test("they have rpm and nothing of apt or dpkg, and bash is sh", async () => {
    const script = "echo $(command -v apt-get dpkg dnf yum python python3 rpm; readlink -f /bin/sh)";
    for (const found of await lab.onAll(script)) expect(found).toBe(`${commands} /usr/bin/rpm /usr/bin/bash`);
  });

  test("a deploy installs supervisor, even where an older state of the repository is known, and starts one that is only installed", async () => {
    await makeStale("hdss7-12");
    await lab.on("hdss7-22", `${manager} -qy install supervisor && ! systemctl is-active --quiet supervisord`);
    const applied = await project.apply(FIRST);
    expectApplied(applied, "3.5.33");
    expect(applied.output.match(new RegExp(`stage: installing supervisor with ${manager}`, "g"))).toHaveLength(2);
    await expectHealthy(project);
    const packages = "rpm -q --qf '%{NAME}\\n' supervisor; systemctl is-enabled supervisord";
    const files = "ls /etc/supervisord.d/etcd*; ls -d /run/supervisor.sock /etc/supervisor /etc/apt 2>/dev/null; true";
    for (const found of await lab.onAll(`${packages}; ${files}`))
      expect(found).toBe("supervisor\nenabled\n/etc/supervisord.d/etcd-server.ini");
  });

  test("a changed flag restarts one member after the other, within half a second; a new leaf is proved to be served; a supervisord that is down is started", async () => {
    const before = await pids(lab);
    await lab.on("hdss7-22", "supervisorctl shutdown");
    await until(async () => (await pids(lab, ["hdss7-22"])).join() === "");
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

  test("a new member joins, and one that leaves is stopped and unregistered; so are all in a destroy, and supervisor stays as it was installed", async () => {
    await lab.lab("add", "hdss7-23=10.4.7.23");
    const numbers = [12, 21, 23];
    const changed = await project.apply({ ...UPGRADED, members: numbers.map((n) => member(n)) });
    expectApplied(changed, "3.6.14", numbers.map(nameOf));
    expect(changed.output).toMatch(/etcd-server-7-23 on \S+: rollout: promoted/);
    await expectHealthy(project, numbers.map(nameOf));
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    const hosts = [...Object.keys(HOSTS), "hdss7-23"];
    expect((await pids(lab, hosts)).join("")).toBe("");
    const left =
      "ls /etc/supervisord.d; find /etc/systemd -name 'cdktf-etcd*'; systemctl show -p Restart -p NeedDaemonReload supervisord";
    const asInstalled = "Restart=no\nNeedDaemonReload=no";
    expect(await lab.onAll(left, hosts)).toEqual([asInstalled, `jobs.ini\n${asInstalled}`, asInstalled, asInstalled]);
  });

  /** Makes the host's package manager remember the repository from before it had any packages. */
  async function makeStale(host: string): Promise<void> {
    const repository = join((await lab.lab("http-root")).trim(), family);
    renameSync(repository, `${repository}.away`);
    await lab.on(host, "mkdir /srv/empty; createrepo_c -q /srv/empty");
    cpSync(join((await lab.lab("host-root", host)).trim(), "srv/empty"), repository, { recursive: true });
    await lab.on(host, `${manager} -q makecache`);
    rmSync(repository, { recursive: true });
    renameSync(`${repository}.away`, repository);
    expect(await lab.on(host, `${manager} -qy install supervisor 2>&1; true`)).toMatch(
      /Unable to find a match: supervisor/,
    );
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

(LAB_FAMILY ? describe.skip : describe)(
  "hosts on which supervisor has a Python of its own, and no Python is on PATH",
  () => {
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
  },
);

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
