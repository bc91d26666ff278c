import { expectHealthy, expectSettled, hostOf, MEMBERS, nameOf, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";
import { SEED } from "./support/sampling";
import { steps, underWriter } from "./support/under-writer";

const NUMBERS = [12, 21, 22];
const dnsNameOf = (n: number) => `etcd-${n}.lab.example`;
const addressOf = (n: number) => `10.4.7.${n}`;
const lineOf = (n: number, address = addressOf(n)) => `${address} ${dnsNameOf(n)}`;
const LINES = NUMBERS.map((n) => lineOf(n));
const named = (n: number, more: object = {}) => ({
  name: nameOf(n),
  address: dnsNameOf(n),
  listenAddress: addressOf(n),
  ...more,
});

/** In 3.3, members do not join as learners, and one that was cut off comes back with a higher term: no pre-vote. */
const IS_OLD = SEED % 2 === 0;
const VERSION = IS_OLD ? "3.3.27" : "3.6.14";

/** Members that advertise names. The names are in /etc/hosts of all hosts and of the operator, and nowhere else. */
describe(`members that are known by DNS names, seed ${SEED}`, () => {
  let lab: Lab;
  let project: Project;
  let props: ProgramProps = { members: NUMBERS.map((n) => named(n)) };
  const endpoints = () => NUMBERS.map((n) => `https://${dnsNameOf(n)}:2379`);

  beforeAll(async () => {
    lab = await Lab.up("names", "--supervisor", "preinstalled");
    project = new Project(lab, "project", VERSION);
    lab.operatorKnowsNames(LINES);
  });
  afterAll(() => lab.down());

  test("a name that leads to loopback, as Debian's installer writes it, and one that a host does not know are refused, and nothing is changed", async () => {
    await lab.knowNames(LINES, ["hdss7-12"]);
    await lab.knowNames([LINES[0], `127.0.1.1 ${dnsNameOf(21)}`, LINES[2]], ["hdss7-21"]);
    await lab.knowNames([LINES[0], LINES[2]], ["hdss7-22"]);
    const refused = await project.apply(props);
    expect(
      steps(refused.output, /refused/)
        .map((step) => step.replace(/; to do.*/, ""))
        .sort(),
    ).toEqual([
      "etcd-server-7-21 preflight refused: name: etcd-21.lab.example leads to 127.0.1.1 on this host, and its etcd listens at 10.4.7.21",
      "etcd-server-7-22 preflight refused: name: etcd-21.lab.example does not resolve on this host by /etc/hosts or DNS, where alone etcd looks",
    ]);
    expect(steps(refused.output, / (stage|bootstrap): /)).toEqual([]);
  });

  test("they become a cluster, in which everything is called by its name", async () => {
    await lab.knowNames(LINES);
    expect((await project.apply(props)).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    const list = await project.etcdctl("member list");
    for (const [i, url] of endpoints().entries()) {
      expect(list.stdout).toContain(`${MEMBERS[i]}, https://${dnsNameOf(NUMBERS[i])}:2380, ${url}`);
    }
    expect(await project.healthTable()).toMatch(/healthy .* https:\/\/etcd-22\.lab\.example:2379/);
    const [listeners] = await lab.onAll("ss -Hltn | awk '{ print $4 }' | grep :23", ["hdss7-12"]);
    expect(listeners.split("\n").sort()).toEqual(["10.4.7.12:2379", "10.4.7.12:2380"]);
    const [certificate] = await lab.onAll("openssl x509 -in /opt/etcd/certs/etcd-peer.pem -noout -ext subjectAltName", [
      "hdss7-12",
    ]);
    expect(certificate).toContain("DNS:etcd-12.lab.example, IP Address:10.4.7.12");
    await expectSettled(lab, project, props);
  });

  test("a flag is changed, one member after the other, and no write fails", async () => {
    props = { ...props, quotaBackendBytes: 3_000_000_000 };
    const changed = await underWriter(lab, project, "names: a flag", () => project.apply(props));
    expect(steps(changed.output, /rollout: restarted/)).toHaveLength(3);
    await expectHealthy(project);
  });

  test("a dead machine is replaced by an empty one under the same name, and no write fails", async () => {
    props = { ...props, members: [named(12), named(21), named(22, { reprovision: 1 })] };
    const joined = await underWriter(lab, project, "names: a member replaced", async () => {
      await lab.lab("kill", "hdss7-22");
      await lab.lab("reset", "hdss7-22");
      await lab.knowNames(LINES, ["hdss7-22"]);
      return project.apply(props);
    });
    expect(steps(joined.output, /rollout: added/)).toHaveLength(1);
    await expectHealthy(project);
  });

  test("another address in the place of a name is refused: it would be another member", async () => {
    const refused = await project.apply({
      ...props,
      members: [{ name: nameOf(12), address: addressOf(12) }, named(21), named(22, { reprovision: 1 })],
    });
    expect(steps(refused.output, /refused/)).toEqual([
      expect.stringContaining(
        "changed initial-advertise-peer-urls: the running member has https://etcd-12.lab.example:2380, but the program says https://10.4.7.12:2380",
      ),
    ]);
  });

  test("a host gets another address, and its name moves there: only that member restarts, and no write fails if etcd has pre-vote", async () => {
    const before = await pids(lab);
    const lines = [lineOf(12, "10.4.7.112"), ...LINES.slice(1)];
    const asked = {
      ...props,
      members: [named(12, { listenAddress: "10.4.7.112" }), named(21), named(22, { reprovision: 1 })],
    };
    // A leader that vanishes costs an election. If etcd-21 leads already, there is nothing to move.
    const list = (await project.etcdctl("member list")).stdout.split("\n");
    await project.etcdctl(`move-leader ${list.find((line) => line.includes(nameOf(21)))?.split(",")[0]}`);
    const move = async () => {
      await lab.on("hdss7-12", "ip address del 10.4.7.12/24 dev host0 && ip address add 10.4.7.112/24 dev host0");
      lab.operatorKnowsNames(lines);
      const early = await project.apply(asked);
      const refusals = steps(early.output, /refused/);
      expect(refusals).toHaveLength(3);
      for (const refusal of refusals) {
        expect(refusal).toContain(
          "etcd-12.lab.example leads to 10.4.7.12 on this host, and its etcd listens at 10.4.7.112",
        );
      }
      await lab.knowNames(lines);
      return project.apply(asked);
    };
    const moved = IS_OLD ? await move() : await underWriter(lab, project, "names: a name moved", move);
    props = asked;
    expect(moved.output).toMatch(/Apply complete!/);
    expect(steps(moved.output, /rollout: restarted/)).toEqual(["etcd-server-7-12 rollout: restarted"]);
    const after = await pids(lab);
    expect(after[0]).not.toBe(before[0]);
    expect(after.slice(1)).toEqual(before.slice(1));
    await expectHealthy(project);
    await expectSettled(lab, project, props);
  });

  test("a restore of what one member has, after the others have lost their disks", async () => {
    expect((await project.etcdctl("put restored 1")).code).toBe(0);
    await lab.lab("reset", "hdss7-21", "hdss7-22");
    await lab.knowNames([lineOf(12, "10.4.7.112"), ...LINES.slice(1)]);
    props = { ...props, restoreFrom: { member: nameOf(12) } };
    const restored = await project.apply(props);
    expect(restored.output).toMatch(/Apply complete!/);
    expect(steps(restored.output, /admit: has the same data/)).toHaveLength(3);
    await expectHealthy(project);
    expect((await project.etcdctl("get restored --print-value-only")).stdout.trim()).toBe("1");
  });

  test("a destroy stops all members", async () => {
    expect((await project.destroy()).output).toMatch(/Destroy complete!/);
    expect(await pids(lab, NUMBERS.map(hostOf))).toEqual(["", "", ""]);
  });
});
