import { expectHealthy, expectSettled, MEMBERS, pids } from "./support/cluster";
import { randomMoments } from "./support/faults";
import { Lab } from "./support/lab";
import { ownedByOthers, writableByOthers } from "./support/ownership";
import { type ProgramProps, Project } from "./support/project";
import type { Result } from "./support/run";
import { SEED } from "./support/sampling";
import { Writer } from "./support/writer";

/** The upgrade path from the runbook's version to today's. */
const WAY = ["3.1.20", "3.2.32", "3.3.27", "3.4.23", "3.5.33", "3.6.14", "3.7.1"];
const STEPS = WAY.slice(1).map((to, i) => ({ from: WAY[i], to }));

/** How long an upgrade takes on this kind of host. */
const LONGEST_SECONDS = 15;

/** Three megabytes, in values of 600 kB. */
const BIG_VALUES =
  "head -c 600000 /dev/zero | tr '\\0' x >/tmp/value; for key in 1 2 3 4 5; do . /opt/etcd/etcdctl.env; /opt/etcd/etcdctl put $key </tmp/value; done; rm /tmp/value";

describe("upgrades of etcd", () => {
  let lab: Lab;
  let writer: Writer;

  beforeAll(async () => {
    lab = await Lab.up("upgrade", "--supervisor", "preinstalled");
  });
  afterAll(() => lab.down());

  /** The same project at another version, with the etcdctl of that version. */
  const at = (version: string, name = "project") => new Project(lab, name, version);

  /** What a refusal must leave unchanged: the processes, and what is installed where. */
  const untouched = async () => [
    await pids(lab),
    await lab.onAll(
      "readlink /opt/etcd; ls /opt /data/etcd /var/lib/cdktf-etcd/*; cat /opt/etcd/etcd-server-startup.sh | sha256sum",
    ),
  ];

  async function expectRefused(
    version: string,
    props: ProgramProps,
    line: string,
    members = MEMBERS,
    name = "project",
  ): Promise<void> {
    const before = await untouched();
    const refused = await at(version, name).apply(props);
    expect(refused.code).not.toBe(0);
    for (const name of members)
      expect(refused.output).toMatch(new RegExp(`${name} on \\S+: preflight refused: version: ${line}`));
    expect(await untouched()).toEqual(before);
  }

  /** Expects that each member was restarted with this version, one after the other, and that the table shows it. */
  function expectOneByOne({ output }: Result, version: string, names = MEMBERS): void {
    expect(output).toMatch(/Apply complete!/);
    const steps = [...output.matchAll(/(etcd-server-\S+) on \S+: rollout: (restarted with etcd [\d.]+|healthy)/g)];
    expect(steps.map(([, name, step]) => `${name} ${step}`)).toEqual(
      names.flatMap((name) => [`${name} restarted with etcd ${version}`, `${name} healthy`]),
    );
    expectTable(output, version);
  }

  function expectTable(output: string, version: string): void {
    for (const name of MEMBERS)
      expect(output).toMatch(new RegExp(`${name} +[0-9a-f]+ +(leader|follower) +healthy +${version}`));
  }

  /** How often supervisor has started each member. */
  const starts = async () =>
    (await lab.onAll("grep -c 'spawned: .etcd-server' /var/log/supervisor/supervisord.log")).map(Number);

  describe("from the runbook's version to today's, on the same data, while one client writes", () => {
    const props = { certificates: { sharedPeerCertificate: true } };
    const seconds: string[] = [];

    beforeAll(async () => {
      expect(await at(WAY[0]).apply(props)).toMatchObject({ code: 0 });
      writer = new Writer(lab, at(WAY[0]), "pinned", { follow: true });
    });

    test("an upgrade that skips a minor version is refused before anything is touched", () =>
      expectRefused(
        "3.3.27",
        props,
        "an upgrade from 3\\.1\\.20 to 3\\.3\\.27 is not possible in one step: it must start from 3\\.2\\.0 ",
      ));

    test.each(STEPS)("$from to $to: saves a snapshot, then upgrades one member at a time", async ({ from, to }) => {
      const before = await starts();
      const upgraded = await at(to).apply(props);
      seconds.push(`to ${to} ${upgraded.seconds.toFixed(1)} s`);
      expectOneByOne(upgraded, to);
      expect(upgraded.output.match(/rollout: saved a verified snapshot to \S+/g)).toEqual([
        `rollout: saved a verified snapshot to /var/lib/cdktf-etcd/${MEMBERS[0]}/snapshots/${from}-before-${to}.db`,
      ]);
      // etcd 3.5 and older have left requests in the write-ahead log that 3.7 cannot read.
      const twice = to === "3.7.1";
      expect(upgraded.output.match(/rollout: restarted for a raft snapshot/g) ?? []).toHaveLength(
        twice ? MEMBERS.length : 0,
      );
      expect(await starts()).toEqual(before.map((n) => n + (twice ? 2 : 1)));
    });

    test("the writer has seen no failed write and lost none, and all members have the same data", async () => {
      const written = await writer.stop();
      console.log(
        `longest gap ${written.longestGapMs} ms, appends ${written.appends.longestGapMs} ms, ${written.acknowledged} puts, ${seconds.join(", ")}`,
      );
      expect(written).toMatchObject({ failed: 0, errors: [], appends: { failed: 0, errors: [] } });
      expect(written.acknowledged).toBeGreaterThan(100);
      const project = at("3.7.1");
      await expectHealthy(project);
      await expectSettled(lab, project, props);
    });

    test("a downgrade is refused once all members run the new version; with the version corrected, nothing restarts", async () => {
      const before = await pids(lab);
      await expectRefused(
        "3.6.14",
        props,
        "etcd cannot be downgraded from 3\\.7\\.1 to 3\\.6\\.14: no member runs 3\\.6\\.14 any more;",
      );
      expect((await at("3.7.1").apply(props)).output).toMatch(/Apply complete!/);
      expect(await pids(lab)).toEqual(before);
    });
  });

  test("a cluster to which nobody writes, with more in its log than etcd replays at once, can be upgraded from 3.5 to 3.7 as well", async () => {
    await lab.lab("reset");
    for (const version of ["3.5.33", "3.6.14", "3.7.1"]) {
      const applied = await at(version, "quiet").apply();
      expect(applied.output).toMatch(/Apply complete!/);
      if (version === "3.5.33") await lab.on("hdss7-12", BIG_VALUES);
    }
    await expectHealthy(at("3.7.1", "quiet"));
    await expectSettled(lab, at("3.7.1", "quiet"));
  });

  describe("what can go wrong in an upgrade", () => {
    const props = { version: "3.5.33", extraFlags: { "snapshot-count": "100" } };
    const project = () => at("3.5.33", "second");
    const upgrade = (version = "3.6.14", overrides: ProgramProps = {}) => project().apply({ version, ...overrides });
    const versions = async () => lab.onAll("readlink /proc/$(pgrep -x etcd)/exe | grep -o 'v3[^/]*'; true");

    beforeAll(async () => {
      await lab.lab("reset");
      expect(await project().apply({ extraFlags: { "enable-v2": "true" } })).toMatchObject({ code: 0 });
    });

    test.each([["NOSPACE"], ["CORRUPT"]])("while the alarm %s is raised, an upgrade is refused", async (alarm) => {
      await raise(alarm);
      try {
        await expectRefusedHere("3.6.14", `an alarm is raised: ${alarm} of .*; `);
      } finally {
        await project().etcdctl("alarm disarm");
      }
    });

    test("while a member is stopped, an upgrade is refused, and the line names it", async () => {
      await lab.on("hdss7-22", "supervisorctl stop etcd-server-7-22");
      try {
        await expectRefusedHere(
          "3.6.14",
          "etcd-server-7-22 \\(https://10\\.4\\.7\\.22:2380\\) is not healthy, and an upgrade needs all members",
        );
      } finally {
        await lab.on("hdss7-22", "supervisorctl start etcd-server-7-22");
      }
      await expectHealthy(project());
    });

    test("an upgrade to 3.6 is refused while there are data of the v2 API", async () => {
      await v2("set /greeting hello");
      await expectRefusedHere(
        "3.6.14",
        "there are data of the v2 API in /data/etcd/etcd-server, and etcd 3\\.6 does not start on them",
      );
    });

    test("once these data are deleted and each member has taken a raft snapshot, no data of the v2 API are left", async () => {
      await v2("rm /greeting");
      expect((await project().apply(props)).output).toMatch(/Apply complete!/);
      writer = new Writer(lab, project(), "pinned", { follow: true });
      // Each member takes its own snapshot, after as many entries as the flag says.
      const check = "/opt/etcd/etcdutl check v2store --data-dir /data/etcd/etcd-server";
      await lab.onAll(`timeout 120 sh -c 'until ${check} >/dev/null 2>&1; do sleep 0.5; done'`);
    });

    test("a member whose new binary does not run stops the upgrade, and the next member is not touched", async () => {
      // The binary is broken after stage has checked the flags with it.
      await lab.on(
        "hdss7-21",
        "systemd-run -q --unit=breaker sh -c 'cd /opt; until [ -e etcd-v3.6.14/etcd-server-startup.sh.next ]; do sleep 0.05; done; mv etcd-v3.6.14/etcd etcd-v3.6.14/etcd.good; " +
          'echo "#!/bin/sh" >etcd-v3.6.14/etcd; echo "echo panic: this one does not run; sleep 0.5; exit 1" >>etcd-v3.6.14/etcd; chmod 755 etcd-v3.6.14/etcd\'',
      );
      const third = (await pids(lab))[2];
      const failed = await upgrade();
      expect(failed.code).not.toBe(0);
      expect(failed.output).toMatch(
        /etcd-server-7-21 on hdss7-21: rollout failed: .*this one does not run; to do: .*to go forward, correct the cause and apply again; to go back, set the changed value \(or version\) back and apply; the members after this one were not touched/,
      );
      expect((await pids(lab))[2]).toBe(third);
      expect(await versions()).toEqual(["v3.6.14", "", "v3.5.33"]);
    });

    test("back: with the old version in the program, all members run the old version again", async () => {
      const back = await project().apply(props);
      expectTable(back.output, "3.5.33");
      expect(await versions()).toEqual(["v3.5.33", "v3.5.33", "v3.5.33"]);
      await expectSettled(lab, project(), props);
    });

    test("forward: the next deploy refuses that binary before any member restarts; once it is unpacked again, the upgrade completes", async () => {
      const before = await pids(lab);
      const line =
        /etcd-server-7-21 on hdss7-21: stage refused: binaries: \/opt\/etcd-v3\.6\.14\/etcd does not run: panic: this one does not run; to do: (rm [^,]+), and apply again/;
      const [, mend] = line.exec((await upgrade()).output) ?? [];
      expect(await pids(lab)).toEqual(before);
      await lab.on("hdss7-21", `${mend}`);
      const forward = await upgrade();
      expectTable(forward.output, "3.6.14");
      await expectSettled(lab, project(), { version: "3.6.14" });
    });

    test(`Terraform killed (-9) at random moments of an upgrade, seed ${SEED}: the next apply completes it`, async () => {
      for (const moment of randomMoments(SEED, 2, LONGEST_SECONDS)) {
        await project().prepare({ version: "3.7.1" });
        const killed = project().startTerraform("apply", "-auto-approve");
        await new Promise((resolve) => setTimeout(resolve, moment * 1000));
        await project().kill(killed);
      }
      const applied = await project().applyAfterKill({ version: "3.7.1" });
      expect(applied.output).toMatch(/Apply complete!|No changes/);
      expect(await versions()).toEqual(["v3.7.1", "v3.7.1", "v3.7.1"]);
      await expectSettled(lab, project(), { version: "3.7.1" });
    });

    test("the writer has seen no failed write and lost none", async () => {
      const written = await writer.stop();
      console.log(`longest gap ${written.longestGapMs} ms, appends ${written.appends.longestGapMs} ms`);
      expect(written).toMatchObject({ failed: 0, errors: [], appends: { failed: 0, errors: [] } });
      await expectHealthy(project());
    });

    test("only root can write to the files that root uses, whatever versions were deployed", async () => {
      expect(await writableByOthers(lab)).toEqual([]);
      expect(await ownedByOthers(lab)).toEqual([]);
    });

    const expectRefusedHere = (version: string, line: string) => expectRefused(version, {}, line, MEMBERS, "second");

    /** Raises an alarm by a request of etcd's API, as a member without space does. */
    async function raise(alarm: string): Promise<void> {
      const { directory } = project();
      const raised = await lab.exec([
        "sh",
        "-c",
        `cd ${directory}/credentials; curl -sS -m 5 --cacert ca.pem --cert client.pem --key client-key.pem https://10.4.7.12:2379/v3/maintenance/alarm ` +
          `-d '{"action": "ACTIVATE", "memberID": "1", "alarm": "${alarm}"}'`,
      ]);
      expect(raised.output).toContain(`"alarm":"${alarm}"`);
    }

    const v2 = (command: string) =>
      lab.on(
        "hdss7-12",
        "cd /opt/etcd/certs; ETCDCTL_API=2 ../etcdctl --endpoints https://10.4.7.12:2379 --ca-file ca.pem --cert-file etcd-peer.pem " +
          `--key-file etcd-peer-key.pem ${command}`,
      );
  });
});
