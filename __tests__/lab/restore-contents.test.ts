import { backUp } from "./support/backup";
import { expectHealthy, expectSettled, pids } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import { steps } from "./support/under-writer";

const DATA = "/data/etcd/etcd-server";
const MOUNTED = ["hdss7-12", "hdss7-22"];
const PROPS = { hostBackups: { every: "168h", keepLast: 50 }, quotaBackendBytes: 16 * 1024 ** 2 };

/* What a snapshot carries besides the keys; on hosts whose data directory is a mount point. */
describe("a restore of a cluster with users and an alarm, into file systems of their own", () => {
  let lab: Lab;
  let project: Project;
  let restoreFrom: object;

  beforeAll(async () => {
    lab = await Lab.up("contents", "--supervisor", "preinstalled");
    // A file system of its own, one that is mounted a second time, and on the third host a disk above the directory.
    await lab.on("hdss7-12", `mkdir -p ${DATA} && mount -t tmpfs -o size=1g tmpfs ${DATA}`);
    await lab.on("hdss7-22", `mkdir -p ${DATA} /data/disk && mount --bind /data/disk ${DATA}`);
    project = new Project(lab);
    expect((await project.apply(PROPS)).output).toMatch(/Apply complete!/);
  });
  afterAll(() => lab.down());

  async function etcdctl(command: string): Promise<string> {
    const { code, output, stdout } = await project.etcdctl(command);
    if (code !== 0) throw new Error(`${command}: ${output}`);
    return stdout.trim();
  }

  test("the snapshot has users, a role and the alarm NOSPACE", async () => {
    await etcdctl("put app/before 1");
    for (const name of ["root", "k8s-etcd", "etcd-operator"]) {
      await etcdctl(`user add ${name} --no-password`);
      await etcdctl(`user grant-role ${name} root`);
    }
    await etcdctl("role add reader");
    await etcdctl("role grant-permission reader read app/ --prefix");
    await etcdctl("user add app --new-user-password=secret");
    await etcdctl("user grant-role app reader");
    await etcdctl("auth enable");
    await fill();
    expect(await etcdctl("alarm list")).toMatch(/alarm:NOSPACE/);
    const path = await backUp(lab, "hdss7-12");
    const id = /"cluster_id":(\d+)/.exec(await etcdctl("member list -w json"))?.[1] ?? 0;
    restoreFrom = { member: "etcd-server-7-12", path, replacesCluster: BigInt(id).toString(16) };
  });

  async function fill(): Promise<void> {
    const said = await lab.on(
      "hdss7-12",
      `. /opt/etcd/etcdctl.env
for n in $(seq 30); do head -c 750000 /dev/urandom | base64 -w 0 | etcdctl put fill/$n 2>&1 || break; done | tail -n 1`,
    );
    expect(said).toMatch(/database space exceeded/);
  }

  test("is refused, before anything is stopped, while the file system of one member is not mounted", async () => {
    const stop = "supervisorctl stop etcd-server-7-22";
    await lab.on("hdss7-22", `${stop}; umount ${DATA}`);
    const before = await pids(lab);
    const refused = await project.apply({ ...PROPS, restoreFrom });
    expect(refused.output).toMatch(
      /etcd-server-7-22 on hdss7-22: preflight refused: data directory: \/data\/etcd\/etcd-server was mounted when this member was last healthy and is not now/,
    );
    expect(steps(refused.output, /stage:|restore:|bootstrap:/)).toEqual([]);
    expect(await pids(lab)).toEqual(before);
    await lab.on("hdss7-22", `mount --bind /data/disk ${DATA}; supervisorctl start etcd-server-7-22`);
  });

  test("says what has come back, and stops at the alarm; the old data lie in the same file system", async () => {
    const restored = await project.apply({ ...PROPS, restoreFrom });
    process.stderr.write(`${steps(restored.output, /offer|restore|bootstrap|admit|rollout/).join("\n")}\n`);
    expect(restored.output).toMatch(/admit: warning: in the snapshot, an alarm is raised: NOSPACE of /);
    expect(restored.output).toMatch(/admit: authentication is on, with the users and passwords of the snapshot/);
    expect(restored.output).toMatch(/rollout failed: an alarm is raised: NOSPACE of /);
    expect(restored.output).not.toMatch(/Apply complete!/);
    const asides = await lab.onAll(`cd ${DATA}; ls -d aside-*/member ${DATA}.aside-*/member 2>/dev/null; true`);
    expect(asides).toEqual([
      expect.stringMatching(/^aside-\d+T\d+Z\/member$/),
      expect.stringMatching(/^\/data\/etcd\/etcd-server.aside-\d+T\d+Z\/member$/),
      expect.stringMatching(/^aside-\d+T\d+Z\/member$/),
    ]);
    expect(await lab.onAll(`mountpoint -q ${DATA} && echo mounted`, MOUNTED)).toEqual(["mounted", "mounted"]);
  });

  test("goes on when the alarm is cleared as docs/alarms.md has it; users and passwords are those of the snapshot", async () => {
    await etcdctl("del fill/ --prefix");
    await etcdctl(`compact ${/"Revision" : (\d+)/.exec(await etcdctl("get app/before -w fields"))?.[1]}`);
    await etcdctl("--command-timeout=60s defrag");
    await etcdctl("alarm disarm");
    const props = { ...PROPS, restoreFrom };
    expect((await project.apply(props)).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect((await etcdctl("user list")).split("\n").sort()).toEqual(["app", "etcd-operator", "k8s-etcd", "root"]);
    // A password comes before the name in the certificate.
    const app = "--user=app:secret";
    expect(await etcdctl(`${app} get app/before --print-value-only`)).toBe("1");
    expect((await project.etcdctl(`${app} put app/before 2`)).output).toMatch(/permission denied/);
    await expectSettled(lab, project, props);
  });
});
