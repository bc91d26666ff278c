import { addressed, expectHealthy, expectSettled, hostOf, member, nameOf, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import { steps, underWriter } from "./support/under-writer";

const NUMBERS = [12, 21, 22, 23, 24];
/** A host that runs no member. */
const BASTION = "10.4.7.31";
const v6 = (n: number) => `fd00:10:4:7::${n}`;
const RUNBOOK = NUMBERS.slice(0, 3);

describe("networks and logins that differ from the runbook's", () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up(
      "networks",
      "--supervisor",
      "preinstalled",
      "--hosts",
      [...NUMBERS, 31].map(hostOf).map(addressed).join(),
    );
  });
  afterAll(() => lab.down());

  test("five members behind a bastion that runs none of them are deployed, changed and destroyed", async () => {
    const project = new Project(lab, "bastion");
    const props: ProgramProps = {
      members: NUMBERS.map((n) => member(n, { ssh: { bastionHost: BASTION } })),
    };
    const direct = () =>
      lab.on(hostOf(24), `journalctl -u ssh -o cat | grep 'Accepted publickey' | grep -vc 'from ${BASTION} '; true`);
    const before = await direct();
    expect((await project.apply(props)).output).toMatch(/Apply complete!/);
    await expectHealthy(project, NUMBERS.map(nameOf));
    expect(await direct()).toBe(before);
    const changed = await underWriter(lab, project, "five behind a bastion", () =>
      project.apply({ ...props, quotaBackendBytes: 3_000_000_000 }),
    );
    expect(changed.output).toMatch(/Apply complete!/);
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect(await pids(lab, NUMBERS.map(hostOf))).toEqual(["", "", "", "", ""]);
  });

  test("a login that prints something to stdout fails the preflight, and changes nothing on any host", async () => {
    await lab.on(hostOf(21), "sed -i '1i echo welcome' /root/.bashrc");
    const refused = await new Project(lab, "chatty").apply();
    await lab.on(hostOf(21), "sed -i '/^echo welcome$/d' /root/.bashrc");
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/etcd-server-7-21_preflight/);
    expect(steps(refused.output, / (stage|rollout): /)).toEqual([]);
  });

  describe("IPv6", () => {
    beforeAll(() => lab.exec(["ip", "address", "add", `${v6(1)}/64`, "dev", "lab0", "nodad"]));
    beforeEach(async () => {
      await lab.lab("reset");
      for (const n of RUNBOOK) await lab.on(hostOf(n), `ip address replace ${v6(n)}/64 dev host0 nodad`);
    });

    test("hosts that have no other addresses become a cluster, which is changed and destroyed", async () => {
      for (const n of RUNBOOK) await lab.on(hostOf(n), "ip -4 address flush dev host0");
      const project = new Project(lab, "ipv6");
      const root = (await lab.lab("http-root")).trim();
      const archive = "etcd-v3.6.14-linux-amd64.tar.gz";
      await lab.exec(["cp", `${root}/etcd/v3.6.14/${archive}`, `${project.directory}/etcd.tar.gz`]);
      const props: ProgramProps = {
        members: RUNBOOK.map((n) => member(n, { address: v6(n) })),
        localArchive: "etcd.tar.gz",
      };
      expect((await project.apply(props)).output).toMatch(/Apply complete!/);
      await expectHealthy(project);
      const changed = await underWriter(lab, project, "IPv6 only", () =>
        project.apply({ ...props, quotaBackendBytes: 3_000_000_000 }),
      );
      expect(changed.output).toMatch(/Apply complete!/);
      expect((await project.destroy()).output).toMatch(/Destroy complete!/);
      for (const n of RUNBOOK) await lab.on(hostOf(n), `ip address add 10.4.7.${n}/24 dev host0`);
      expect(await pids(lab, RUNBOOK.map(hostOf))).toEqual(["", "", ""]);
    });

    test("hosts with both kinds: members of each in one cluster, and SSH by the other kind", async () => {
      const project = new Project(lab, "dual-stack");
      const one: ProgramProps = {
        members: [
          member(12, { ssh: { host: v6(12) } }),
          member(21, { address: v6(21), ssh: { host: "10.4.7.21" } }),
          member(22, { address: v6(22) }),
        ],
      };
      // Each member sends to the others from an address of their kind, and they look for it in its certificate.
      const refused = await project.apply(one);
      expect(steps(refused.output, /preflight refused/)[0]).toContain(
        `source address: this host sends to ${v6(21)} from ${v6(12)}, which is not in the member's certificate`,
      );
      const props = { ...one, certificates: { ipAddresses: [v6(12), "10.4.7.21", "10.4.7.22"] } };
      expect((await project.apply(props)).output).toMatch(/Apply complete!/);
      await expectHealthy(project);
      await expectSettled(lab, project, props);
      expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    });
  });
});
