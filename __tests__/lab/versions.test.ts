import { expectHealthy, MEMBERS, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import { SEED } from "./support/sampling";

/** One certificate for all members, as the runbook has it. */
const SHARED: ProgramProps = { certificates: { sharedPeerCertificate: true } };

/** Each run tests the oldest version, and one of these by the seed. */
const OTHERS: [string, ProgramProps][] = [
  ["3.7.1", {}],
  ["3.4.23", {}],
  ["3.3.27", {}],
];

describe(`a first deploy of other minor versions, seed ${SEED} (first-deploy covers 3.6; upgrade deploys 3.1 and 3.5 first, and passes through each)`, () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("versions", "--supervisor", "preinstalled");
  });
  afterAll(() => lab.down());

  test.each<[string, ProgramProps]>([OTHERS[Math.floor(SEED / 3) % OTHERS.length], ["3.1.20", SHARED]])(
    "etcd %s: the cluster is healthy and accepts only clients with a certificate, and a second apply changes nothing",
    async (version, props) => {
      await lab.lab("reset");
      project = new Project(lab, version, version);
      const applied = await project.apply(props);
      expect(applied.output).toMatch(/Apply complete!/);
      for (const name of MEMBERS)
        expect(applied.output).toMatch(new RegExp(`${name} +[0-9a-f]+ +(leader|follower) +healthy +${version}`));
      await expectHealthy(project);
      expect(
        await lab.on(
          "hdss7-12",
          "stat -c %U /proc/$(supervisorctl pid etcd-server-7-12); stat -c '%a' /data/etcd/etcd-server; stat -Lc '%a %U' /opt/etcd/certs/etcd-peer-key.pem; readlink /opt/etcd",
        ),
      ).toBe(`etcd\n700\n600 etcd\netcd-v${version}`);
      expect((await project.etcdctl("put greeting hello")).stdout).toBe("OK\n");

      const { directory } = project;
      const curl = (options: string) =>
        lab.exec([
          "sh",
          "-c",
          `curl -sS -m 5 --cacert ${directory}/credentials/ca.pem ${options} https://10.4.7.12:2379/version`,
        ]);
      expect((await curl("")).code).not.toBe(0);
      expect(
        (await curl(`--cert ${directory}/credentials/client.pem --key ${directory}/credentials/client-key.pem`)).output,
      ).toContain(version);
      expect(await lab.on("hdss7-12", "ss -Hltn | awk '{ print $4 }' | grep -E ':(2379|2380)$' | sort")).toBe(
        "10.4.7.12:2379\n10.4.7.12:2380",
      );
      expect((await project.etcdctl("member list")).stdout).not.toMatch(/127\.0\.0\.1|localhost|http:/);

      const before = await pids(lab);
      expect((await project.apply(props)).output).toMatch(/No changes/);
      expect(await pids(lab)).toEqual(before);
    },
  );

  test("the runbook's own checks work with its own version: etcdctl cluster-health and member list, over the v2 API", async () => {
    const on = (command: string) =>
      lab.on(
        "hdss7-12",
        `. /opt/etcd/etcdctl.env; ETCDCTL_API=2 /opt/etcd/etcdctl --endpoints $ETCDCTL_ENDPOINTS ${command}`,
      );
    expect(await on("cluster-health")).toMatch(/cluster is healthy$/);
    expect(
      (await on("member list"))
        .split("\n")
        .map((line) => /name=(\S+)/.exec(line)?.[1])
        .sort(),
    ).toEqual(MEMBERS);
    const script = await lab.on("hdss7-12", "cat /opt/etcd/etcd-server-startup.sh");
    for (const flag of [
      "--ca-file=/opt/etcd/certs/ca.pem",
      "--peer-ca-file=/opt/etcd/certs/ca.pem",
      "--log-output=stdout",
    ])
      expect(script).toContain(flag);
  });
});
