import { pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

/* Only a first bootstrap may start a member without data: all else could let it vote twice. */
describe("a member whose data directory was lost", () => {
  let lab: Lab;
  let project: Project;
  let resources: string[];

  beforeAll(async () => {
    lab = await Lab.up("lost", "--supervisor", "preinstalled");
    project = new Project(lab);
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    resources = (await project.terraform("state", "list")).stdout.split("\n");
    await lab.on(
      "hdss7-22",
      "supervisorctl stop etcd-server-7-22; rm -r /data/etcd/etcd-server/member; supervisorctl start etcd-server-7-22; true",
    );
  });
  afterAll(() => lab.down());

  async function replace(phase: string): Promise<string> {
    const address = resources.find((name) => name.includes(`7-22_${phase}`));
    return (await project.terraform("apply", "-auto-approve", `-replace=${address}`, `-target=${address}`)).output;
  }

  test("supervisor does not get it started: its startup script refuses, and says why", async () => {
    expect(await lab.on("hdss7-22", "supervisorctl status; true")).toMatch(
      /etcd-server-7-22 +(BACKOFF|STARTING|FATAL)/,
    );
    expect(await lab.on("hdss7-22", "tail -n 1 /data/logs/etcd-server/etcd.log")).toBe(
      "etcd-server-7-22: no data in /data/etcd/etcd-server and no deploy has asked for a first start: not starting; run a deploy",
    );
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe("");
  });

  test("its rollout refuses, and says what to do", async () => {
    expect(await replace("rollout")).toMatch(
      /etcd-server-7-22 on hdss7-22: rollout refused: data lost: the cluster knows this member, but \/data\/etcd\/etcd-server is empty; .*; to do: on another member: etcdctl member remove [0-9a-f]+/,
    );
  });

  test("its bootstrap, run again while the others are down, does not found anything", async () => {
    await Promise.all(["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl stop all")));
    expect(await replace("bootstrap")).toMatch(
      /bootstrap: had a life before and its data are gone, it may not found anything/,
    );
    expect(await lab.on("hdss7-22", "ls -A /data/etcd/etcd-server")).toBe("");
    expect(await replace("rollout")).toMatch(
      /rollout refused: no data and no cluster: .*; to do: bring a quorum of the other members back/,
    );
    await Promise.all(["hdss7-12", "hdss7-21"].map((host) => lab.on(host, "supervisorctl start all")));
  });

  test("a change for all of them restarts nobody while it is away", async () => {
    const others = (await pids(lab)).slice(0, 2);
    const refused = await project.apply({ quotaBackendBytes: 3_000_000_000 });
    expect(refused.output).toMatch(/rollout refused: restart: https:\/\/10\.4\.7\.22:2379 is not healthy/);
    expect((await pids(lab)).slice(0, 2)).toEqual(others);
  });
});
