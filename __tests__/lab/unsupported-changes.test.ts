import { expectHealthy, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

const MEMBERS = [
  { name: "etcd-server-7-12", address: "10.4.7.12", host: "hdss7-12" },
  { name: "etcd-server-7-21", address: "10.4.7.21", host: "hdss7-21" },
  { name: "etcd-server-7-22", address: "10.4.7.22", host: "hdss7-22" },
];

/* Each is refused by preflight; what runs is not touched, and taking the change back leaves nothing to do but what was refused. */
describe("changes of a running cluster that are not supported yet", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("changes", "--supervisor", "preinstalled");
    await lab.lab("add", "hdss7-11=10.4.7.11");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  test.each([
    ["another user", { user: "etcd2" }, /refused: user: \/data\/etcd\/etcd-server belongs to etcd;/],
    [
      "another data directory",
      { paths: { dataDir: "/data/other" } },
      /refused: changed data-dir: the running member has \/data\/etcd\/etcd-server, the program says \/data\/other;/,
    ],
    [
      "another client port",
      { ports: { client: 2479 } },
      /refused: changed advertise-client-urls: .*:2379, the program says https:\/\/10\.4\.7\.\d+:2479;/,
    ],
    [
      "another peer port",
      { ports: { peer: 2480 } },
      /refused: changed initial-advertise-peer-urls: .*:2380, the program says https:\/\/10\.4\.7\.\d+:2480;/,
    ],
    [
      "a member more",
      { members: [...MEMBERS, { name: "etcd-server-7-11", address: "10.4.7.11", host: "hdss7-11" }] },
      /refused: scale out: the program names a member with peer URL https:\/\/10\.4\.7\.11:2380, which the cluster does not have;/,
    ],
    [
      "a member less",
      { members: MEMBERS.slice(0, 2) },
      /refused: scale in: the cluster has the member with peer URL https:\/\/10\.4\.7\.22:2380, which the program no longer names;/,
    ],
    [
      "another name",
      { members: [...MEMBERS.slice(0, 2), { ...MEMBERS[2], name: "renamed" }] },
      /renamed on hdss7-22: preflight refused: supervisor program: .* is of the program 'etcd-server-7-22';/,
    ],
  ])("%s is refused, nothing that runs is touched, and the way back is open", async (_, props, says) => {
    const before = await pids(lab);
    const refused = await project.apply(props);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(says);
    expect(await pids(lab)).toEqual(before);

    const back = await project.apply();
    expect(back.output).toMatch(/Apply complete!|No changes/);
    expect(await pids(lab)).toEqual(before);
    await expectHealthy(project);
    expect((await project.apply()).output).toMatch(/No changes/);
  });
});
