import { expectHealthy, expectSettled, leftovers, member, MEMBERS, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { installed } from "./support/moments";
import { type ProgramProps, Project } from "./support/project";
import { underWriter } from "./support/under-writer";

const RUNBOOK = [member(12), member(21), member(22)];

/** The rows of the table in docs/change-configuration.md that no other scenario covers. */
describe("changes of a running cluster's configuration", () => {
  let lab: Lab;
  let project: Project;
  /** What was changed so far: a change is not reverted, and the next one is made in addition to it. */
  let now: { [prop: string]: unknown } = {};

  beforeAll(async () => {
    lab = await Lab.up("shape", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  describe("changes that preflight refuses", () => {
    let running: string[];
    let before: string[];
    beforeAll(async () => {
      running = await pids(lab);
      before = await installed(lab);
    });

    test.each<[string, ProgramProps, RegExp[]]>([
      [
        "another user and another name of the supervisor program file",
        { user: "etcd2", paths: { supervisorProgramFile: "etcd" } },
        [
          /refused: user: etcd runs here as etcd \(process \d+\), but the program has the user etcd2;/,
          /refused: supervisor program: \/etc\/supervisor\/conf\.d\/etcd-server\.conf already defines the program 'etcd-server-7-\d+';/,
        ],
      ],
      [
        "another data directory",
        { paths: { dataDir: "/data/other" } },
        [
          /refused: changed data-dir: the running member has \/data\/etcd\/etcd-server, but the program says \/data\/other;/,
        ],
      ],
      [
        "another peer port",
        { ports: { peer: 2480 } },
        [/refused: changed initial-advertise-peer-urls: .*:2380, but the program says https:\/\/10\.4\.7\.\d+:2480;/],
      ],
      [
        "another address of a member with data, and another name of one",
        {
          members: [
            RUNBOOK[0],
            member(21, { address: "10.4.7.31", ssh: { host: "10.4.7.21" } }),
            member(22, { name: "renamed" }),
          ],
        },
        [
          /etcd-server-7-21 on hdss7-21: preflight refused: changed initial-advertise-peer-urls: the running member has https:\/\/10\.4\.7\.21:2380, but the program says https:\/\/10\.4\.7\.31:2380;/,
          /renamed on hdss7-22: preflight refused: member: this host runs the member etcd-server-7-22 of this cluster/,
        ],
      ],
    ])("%s: refused, and nothing is touched", async (_, props, said) => {
      const refused = await project.apply(props);
      expect(refused.code).not.toBe(0);
      for (const line of said) expect(refused.output).toMatch(line);
      expect(await installed(lab)).toEqual(before);
      expect(await pids(lab)).toEqual(running);
    });

    test("afterwards, one deploy of the previous program succeeds, and the cluster is as it was", async () => {
      expect((await project.apply()).output).toMatch(/Apply complete!|No changes/);
      expect(await pids(lab)).toEqual(running);
      await expectHealthy(project);
      await expectSettled(lab, project);
    });
  });

  describe("changes that restart no member", () => {
    test("another order of the members is not a change at all", async () => {
      expect((await project.plan({ members: [...RUNBOOK].reverse() })).output).toMatch(/No changes/);
    });

    test("changes of ssh, removalPolicy and operatorCredentials reach the state and the operator's machine; nothing runs on a host", async () => {
      const key = (await lab.exec(["printenv", "SSH_PRIVATE_KEY_FILE"])).stdout.trim();
      now = {
        ssh: { keyFile: key, timeout: "30s" },
        removalPolicy: "destroy",
        operatorCredentials: { directory: "credentials", commonName: "somebody" },
      };
      const running = await pids(lab);
      const before = await installed(lab);
      const applied = await project.apply(now);
      expect(applied.output).toMatch(/Apply complete!/);
      expect(applied.output).not.toMatch(/remote-exec/);
      expect(await installed(lab)).toEqual(before);
      expect(await pids(lab)).toEqual(running);
      await expectHealthy(project);
    });

    test("changes of certificates.keyType and of a member's host name lead to new leaf certificates, which all listeners serve", async () => {
      now = {
        ...now,
        keyType: "RSA_2048",
        members: [...RUNBOOK.slice(0, 2), member(22, { hostName: "node-22" })],
      };
      const running = await pids(lab);
      const applied = await project.apply(now);
      expect(applied.output).toMatch(/Apply complete!/);
      expect(applied.output.match(/stage: both listeners serve the new certificate/g)).toHaveLength(3);
      expect(applied.output).toMatch(/etcd-server-7-22 on node-22: stage: staged/);
      expect(await lab.on("hdss7-22", "openssl x509 -in /opt/etcd/certs/etcd-peer.pem -noout -text")).toMatch(
        /RSA Public-Key|rsaEncryption[^]*DNS:node-22/,
      );
      expect(await pids(lab)).toEqual(running);
      await expectHealthy(project);
    });
  });

  describe("changes that restart the members", () => {
    test.each<[string, ProgramProps, string[], string]>([
      [
        "paths.installRoot",
        { paths: { installRoot: "/srv" } },
        ["--cert-file=/srv/etcd/certs/etcd-peer.pem"],
        "/srv/etcd-v3.6.14/etcd",
      ],
      [
        "ports.client, paths.logDir, insecureLoopbackClientUrl, extraFlags and the flags that are props, all at once",
        {
          ports: { client: 2479 },
          paths: { installRoot: "/srv", logDir: "/data/logs/etcd" },
          insecureLoopbackClientUrl: true,
          extraFlags: { "snapshot-count": "20000" },
          keepRevisions: 100000,
          heartbeatInterval: 110,
          electionTimeout: 1100,
          listenMetricsUrls: ["http://127.0.0.1:2381"],
        },
        [
          "--listen-client-urls=https://10.4.7.12:2479,http://127.0.0.1:2479",
          "--snapshot-count=20000",
          "/data/logs/etcd/etcd.log",
        ],
        "/srv/etcd-v3.6.14/etcd",
      ],
    ])("%s: one member restarts at a time, and no write fails", async (what, props, shows, binary) => {
      now = { ...now, ...props };
      const before = await pids(lab);
      const applied = await underWriter(lab, project, what, () => project.apply(now));
      expect(applied.output).toMatch(/Apply complete!/);
      expect(
        [...applied.output.matchAll(/(etcd-server-\S+) on \S+: rollout: (restarted|healthy)/g)].map(
          ([, name, step]) => `${name} ${step}`,
        ),
      ).toEqual(MEMBERS.flatMap((name) => [`${name} restarted`, `${name} healthy`]));
      (await pids(lab)).forEach((pid, i) => expect(pid).not.toBe(before[i]));

      const [process] = await lab.onAll(
        "pid=$(supervisorctl pid etcd-server-7-${HOSTNAME##*-}); readlink /proc/$pid/exe; tr '\\0' '\\n' </proc/$pid/cmdline; ls -l /proc/$pid/fd /proc/$(cat /run/supervisord.pid)/fd",
        ["hdss7-12"],
      );
      for (const part of shows) expect(process).toContain(part);
      expect(process.split("\n")[0]).toBe(binary);
      await expectHealthy(project);
      expect(await leftovers(lab)).toBe("");
    });

    test("afterwards, a deploy changes nothing", () => expectSettled(lab, project, now));
  });
});
