import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, leftovers, MEMBERS, pids } from "./support/cluster";
import { FATAL_FLAG } from "./support/faults";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import { steps } from "./support/under-writer";
import { Writer } from "./support/writer";

/** A quota that is small enough for a test to fill. */
const SMALL = { quotaBackendBytes: 32 * 1024 ** 2 };

describe("a change that restarts the members", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("rolling", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect(await project.apply()).toMatchObject({ code: 0 });
  });
  afterAll(() => lab.down());

  test("the plan shows a changed quota for each member, and no other flag", async () => {
    const plan = await project.plan({ quotaBackendBytes: 3_000_000_000 });
    expect(plan.output.match(/^ +\+ "flag\.quota_backend_bytes" += "3000000000"$/gm)).toHaveLength(3);
    expect(plan.output.match(/^ +[~+-] "flag\.\w+"/gm)).toHaveLength(3);
  });

  test("the apply restarts one member at a time; a client that fails over sees no failed write, and no acknowledged write is lost", async () => {
    const before = await pids(lab);
    const writers = [new Writer(lab, project, "balanced"), new Writer(lab, project, "pinned")];
    const applied = await project.apply({ quotaBackendBytes: 3_000_000_000 });
    const [balanced, pinned] = await Promise.all(writers.map((writer) => writer.stop()));

    expect(applied.output).toMatch(/Apply complete!/);
    // Each member's restart and gate come before the next member's turn.
    const steps = [...applied.output.matchAll(/(etcd-server-\S+) on \S+: rollout: (restarted|healthy)/g)];
    expect(steps.map(([, name, step]) => `${name} ${step}`)).toEqual(
      MEMBERS.flatMap((name) => [`${name} restarted`, `${name} healthy`]),
    );
    const after = await pids(lab);
    after.forEach((pid, i) => expect(pid).not.toBe(before[i]));
    // The pinned writer fails over after 200 ms, as a careful client does.
    expect(pinned).toMatchObject({ failed: 0, errors: [] });
    // Each move of leadership can cost the plain writer one put: if a follower forwards the put to the old leader at
    // the moment of the move, raft drops it, and the client waits for nothing (ADR 7).
    const moves = applied.output.match(/rollout: moved leadership/g)?.length ?? 0;
    expect(balanced.failed).toBeLessThanOrEqual(moves);
    expect(balanced.acknowledged).toBeGreaterThan(100);
    expect(pinned.acknowledged).toBeGreaterThan(100);
    expect(await leftovers(lab)).toBe("");
    expect(
      (
        await lab.onAll("tr '\\0' '\\n' </proc/$(supervisorctl pid etcd-server-7-${HOSTNAME##*-})/cmdline | grep quota")
      ).join(),
    ).toBe(Array(3).fill("--quota-backend-bytes=3000000000").join());
  });

  test("afterwards, a second apply changes nothing and restarts nothing", async () => {
    const before = await pids(lab);
    expect((await project.apply({ quotaBackendBytes: 3_000_000_000 })).output).toMatch(/No changes/);
    expect(await pids(lab)).toEqual(before);
  });

  test("a flag with which etcd does not start stops the rollout at the first member; the others keep running, and setting the flag back repairs it", async () => {
    const before = await pids(lab);
    const broken = {
      quotaBackendBytes: 3_000_000_000,
      extraFlags: FATAL_FLAG,
    };
    const failed = await project.apply(broken);
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(
      /etcd-server-7-12 on hdss7-12: rollout failed: .*invalid auth options.*the members after this one were not touched/,
    );
    expect((await pids(lab)).slice(1)).toEqual(before.slice(1));
    expect((await project.apply({ quotaBackendBytes: 3_000_000_000 })).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect((await pids(lab)).slice(1)).toEqual(before.slice(1));
  });

  test("while another member is down, no member is restarted, and the line names the one that is down", async () => {
    await lab.on("hdss7-22", "supervisorctl stop etcd-server-7-22");
    const before = await pids(lab);
    const refused = await project.apply({ quotaBackendBytes: 4_000_000_000 });
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(
      /etcd-server-7-12 on hdss7-12: rollout refused: restart: etcd-server-7-22 \(https:\/\/10\.4\.7\.22:2380\) is not healthy/,
    );
    expect(await pids(lab)).toEqual(before);
    await lab.on("hdss7-22", "supervisorctl start etcd-server-7-22");
    expect((await project.apply({ quotaBackendBytes: 4_000_000_000 })).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
  });

  test("the runbook's plain-HTTP loopback listener exists if it is asked for, and is not advertised", async () => {
    const applied = await project.apply({ ...SMALL, insecureLoopbackClientUrl: true });
    expect(applied.output).toMatch(/Apply complete!/);
    const version =
      "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:2379/version\").read())'";
    expect(await lab.on("hdss7-12", version)).toContain("3.6.14");
    expect((await project.etcdctl("member list")).stdout).not.toContain("127.0.0.1");
  });

  test("when the quota is reached, space can be freed, or a larger quota rolled out under the alarm (docs/alarms.md); a quota that is too small is refused", async () => {
    const large = { quotaBackendBytes: 2 * SMALL.quotaBackendBytes, insecureLoopbackClientUrl: true };
    const etcdctl = ". /opt/etcd/etcdctl.env";
    const fill = async () => {
      const values = "while head -c 1000000 /dev/urandom | base64 -w 0 | etcdctl put fill >/dev/null 2>&1; do :; done";
      await lab.on("hdss7-12", `${etcdctl}; ${values}`);
      expect((await project.etcdctl("alarm list")).stdout).toContain("alarm:NOSPACE");
    };
    await fill();
    const page = readFileSync(join(__dirname, "..", "..", "docs", "alarms.md"), "utf8");
    const [, makeRoom] = /^```sh\n(revision=[^]*?)^```$/m.exec(page) ?? [];
    await lab.on("hdss7-12", `set -e; ${etcdctl}; ${makeRoom}`);
    expect((await project.etcdctl("alarm list")).stdout).toBe("");

    await fill();

    const raised = await project.apply(large);
    expect(steps(raised.output, /NOSPACE|rollout: (restarted|healthy)/)).toEqual([
      ...MEMBERS.flatMap((name) => [
        `${name} rollout: the alarm NOSPACE is raised, and etcd grants no turn while it is: restarting with the larger quota, without the turn`,
        `${name} rollout: restarted`,
        `${name} rollout: the alarm NOSPACE stays raised until you clear it: when all members have the larger quota, run '. /opt/etcd/etcdctl.env; etcdctl alarm disarm'`,
        `${name} rollout: healthy`,
      ]),
      expect.stringMatching(/^etcd-server-7-12 health failed: an alarm is raised: NOSPACE of etcd-server-7-/),
    ]);
    await project.etcdctl("alarm disarm");
    expect((await project.apply(large)).output).toMatch(/Apply complete!/);
    expect((await project.etcdctl("put some thing")).stdout).toContain("OK");

    const before = await pids(lab);
    const refused = await project.apply({ ...large, ...SMALL });
    // The members' database files differ in size, depending on their free pages; at least one of them is full.
    expect(refused.output).toMatch(
      / preflight refused: quota: the database has \d+ bytes, quotaBackendBytes is 33554432: /,
    );
    expect(steps(refused.output, / (stage|rollout): /)).toEqual([]);
    expect(await pids(lab)).toEqual(before);
  });

  test("with another log directory, a supervisor file that supervisord rejects is named before anything changes; once it is removed, each member logs to the new directory", async () => {
    const moved = {
      quotaBackendBytes: 4_000_000_000,
      insecureLoopbackClientUrl: true,
      paths: { logDir: "/data/logs/moved" },
    };
    const before = await pids(lab);
    const broken = "/etc/supervisor/conf.d/broken.conf";
    await lab.on("hdss7-21", `printf '[program:x]\\ncommand=true\\nstdout_logfile=/nope/x.log\\n' >${broken}`);
    const refused = await project.apply(moved);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(
      /etcd-server-7-21 on hdss7-21: preflight refused: supervisor: .*CANT_REREAD: The directory named as part of the path \/nope\/x\.log does not exist in section 'program:x' \(file: '\/etc\/supervisor\/conf\.d\/broken\.conf'\)/,
    );
    expect(await pids(lab)).toEqual(before);
    await lab.on("hdss7-21", `rm ${broken}`);
    expect((await project.apply(moved)).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect(await lab.onAll("grep -c . /data/logs/moved/etcd.log | grep -cv '^0$'")).toEqual(["1", "1", "1"]);
    expect(await lab.on("hdss7-21", "supervisorctl reread")).toBe("jobs: changed");
  });
});
