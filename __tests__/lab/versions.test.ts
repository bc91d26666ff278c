import { expectHealthy, MEMBERS, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

describe("minors from the runbook's to today's; first-deploy has 3.6, and an upgrade passes through each", () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up("versions", "--supervisor", "preinstalled");
  });
  afterAll(() => lab.down());

  test.each(["3.1.20", "3.3.27", "3.4.23", "3.5.33", "3.7.1"])("%s", async (version) => {
    await lab.lab("reset");
    const project = new Project(lab, version, version);
    const applied = await project.apply();
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
    expect((await project.apply()).output).toMatch(/No changes/);
    expect(await pids(lab)).toEqual(before);
  });

  test("the runbook's own checks work on its own version: etcdctl cluster-health and member list, over the v2 API", async () => {
    await lab.lab("reset");
    const project = new Project(lab, "runbook", "3.1.20");
    expect((await project.apply({ certificates: { sharedPeerCertificate: true } })).output).toMatch(/Apply complete!/);
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
