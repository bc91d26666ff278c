import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { backUp } from "./support/backup";
import { expectHealthy, member } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

const HOST = "hdss7-12";
const VAULT = "hdss7-22";
const PROGRAM = "sh /var/lib/cdktf-etcd/etcd-server-7-12/backup";

/** The commands of docs/backups.md for `afterEach`, word for word: by tool, and the preparation that one of them needs. */
const DOCUMENTED = [
  ...readFileSync(join(__dirname, "..", "..", "docs", "backups.md"), "utf8").matchAll(
    /^\*\*(\w+)\*\*[^]*?```sh\n([^]*?)```(?:[^*]*?```sh\n([^]*?)```)?/gm,
  ),
].map(([, tool, command, once]) => ({ tool, command, once }));

const documented = (tool: string) => {
  const found = DOCUMENTED.find((entry) => entry.tool === tool);
  if (!found) throw new Error(`docs/backups.md has no command for ${tool}`);
  return found;
};

/* What docs/backups.md tells operators to do with a backup, with the real tools, and what they get back from it. */
describe("backups that are copied off the host", () => {
  let lab: Lab;
  let project: Project;
  /** The operator's key for age. Only its public part is on a host. */
  let identity: string;
  let recipient: string;

  beforeAll(async () => {
    lab = await Lab.up("off-host", "--supervisor", "preinstalled");
    project = new Project(lab);
    await Promise.all([installTools(), makeVault()]);
    identity = join(project.directory, "key.txt");
    recipient = /age1\w+/.exec((await tool("age-keygen", "-o", identity)).output)?.[0] ?? "";
    expect((await project.apply(props())).output).toMatch(/Apply complete!/);
    expect((await project.etcdctl("put before 1")).code).toBe(0);
  });
  afterAll(() => lab.down());

  const props = (command?: string) => ({
    members: [member(12)],
    hostBackups: { every: "168h", keepLast: 50, ...(command && { afterEach: { command } }) },
  });

  const installTools = () =>
    lab.on(
      HOST,
      `set -e; echo "deb [trusted=yes] http://10.4.7.1:8080/tools ./" >/etc/apt/sources.list.d/tools.list
apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends install age rclone restic >&2`,
    );

  /** Another machine, with Debian's user `backup`, whom root of the first host reaches without a password. */
  async function makeVault(): Promise<void> {
    const key = await lab.on(
      HOST,
      `set -e; echo "10.4.7.22 vault.example.org" >>/etc/hosts
ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519; ssh-keyscan -t ed25519 vault.example.org >/root/.ssh/known_hosts 2>/dev/null
cat /root/.ssh/id_ed25519.pub`,
    );
    await lab.on(
      VAULT,
      `set -e; usermod -s /bin/sh backup; install -d -o backup -m 700 /var/backups/etcd /var/backups/.ssh
echo "${key}" >/var/backups/.ssh/authorized_keys; chown backup /var/backups /var/backups/.ssh/authorized_keys`,
    );
  }

  /** A tool of Debian that the operator has, too: the operator's machine need not have it installed. */
  async function tool(name: string, ...command: string[]) {
    const path = join((await lab.lab("host-root", HOST)).trim(), "usr", "bin", name);
    return lab.exec([path, ...command], { cwd: project.directory });
  }

  /** Deploys a command, takes a backup, and expects that the command succeeded; returns the path of the backup. */
  async function backUpWith(command: string): Promise<string> {
    expect((await project.apply(props(command))).output).toMatch(/Apply complete!/);
    const file = await backUp(lab, HOST);
    expect(await status()).toMatch(/^pending=$/m);
    return file;
  }

  const status = () => lab.on(HOST, "cat /var/lib/cdktf-etcd/*/backup-status");

  /** The digest of a file and of its description. */
  const digests = (host: string, file: string) => lab.on(host, `for f in ${file} ${file}.json; do sha256sum <$f; done`);

  const nameOf = (file: string) => file.split("/").at(-1) ?? "";

  test("the documentation has a command for each tool", () => {
    expect(DOCUMENTED.map((entry) => entry.tool)).toEqual(["scp", "rclone", "restic", "age"]);
  });

  test("scp brings both files to another machine", async () => {
    const file = await backUpWith(documented("scp").command);
    expect(await digests(VAULT, `/var/backups/etcd/${nameOf(file)}`)).toBe(await digests(HOST, file));
  });

  test("rclone brings both files to another machine", async () => {
    const { command, once } = documented("rclone");
    await lab.on(HOST, `set -e; ${once} >&2`);
    await lab.on(VAULT, "rm /var/backups/etcd/*");
    const file = await backUpWith(command);
    expect(await digests(VAULT, `/var/backups/etcd/${nameOf(file)}`)).toBe(await digests(HOST, file));
  });

  test("restic keeps them encrypted, and gives back a backup that is good; while the other machine is away, that is seen", async () => {
    const { command, once } = documented("restic");
    await lab.on(HOST, `set -e; ${once} >&2`);
    const file = await backUpWith(command);
    const repository = "-r sftp:backup@vault.example.org:etcd-restic --password-file /root/restic-password";
    expect(
      await lab.on(
        HOST,
        `restic -q ${repository} restore latest --target /root/back && ${PROGRAM} verify /root/back${file}`,
      ),
    ).toMatch(/is good: revision \d+, sha256 /);
    await lab.on(HOST, "ip route add prohibit 10.4.7.22/32");
    const said = await lab.on(HOST, `${PROGRAM} now`);
    await lab.on(HOST, "ip route del prohibit 10.4.7.22/32");
    const [, next] = /FAILED: the command after the backup, for (\S+), try 1: /.exec(said) ?? [];
    expect(await status()).toMatch(new RegExp(`^pending=${next}$`, "m"));
  });

  test("age encrypts them for the operator; when the host has lost everything, they bring the cluster back", async () => {
    const { command } = documented("age");
    expect(command).toMatch(/age1\S+/);
    await lab.on(VAULT, "rm /var/backups/etcd/*");
    const file = nameOf(await backUpWith(command.replace(/age1[^\s"']+/, recipient)));
    expect(await lab.on(VAULT, "ls /var/backups/etcd")).toBe(`${file}.age\n${file}.json`);
    expect(await lab.on(HOST, "ls /root/*.age; true")).toBe("");
    const vault = join((await lab.lab("host-root", VAULT)).trim(), "var", "backups", "etcd");
    for (const name of [`${file}.age`, `${file}.json`]) cpSync(join(vault, name), join(project.directory, name));
    expect((await tool("age", "-d", "-i", identity, "-o", file, `${file}.age`)).code).toBe(0);

    await lab.lab("reset", HOST);
    const restored = await project.apply({ ...props(), restoreFrom: { path: file } });
    expect(restored.output).toMatch(/Apply complete!/);
    await expectHealthy(project, ["etcd-server-7-12"]);
    expect((await project.etcdctl("get before --print-value-only")).stdout).toBe("1\n");
  });
});
