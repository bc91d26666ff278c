import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { Project } from "./support/project";

describe("ways to reach a host over SSH", () => {
  let lab: Lab;
  let key: string;

  beforeAll(async () => {
    lab = await Lab.up("ssh", "--supervisor", "preinstalled");
    key = join((await lab.exec(["printenv", "LAB_DIR"])).stdout.trim(), "id_ed25519");
  });
  beforeEach(() => lab.lab("reset"));
  afterAll(() => lab.down());

  test("a key from a sensitive variable appears neither in the plan nor in the log, and Terraform does not hide the log", async () => {
    // A noexec /tmp and a login that changes its directory do no harm: no script is run from /tmp, and no path is
    // relative to the directory in which the shell starts.
    await lab.onAll("mount -o remount,noexec /tmp; echo 'cd /srv' >>~/.bashrc");
    const project = new Project(lab, "variable");
    process.env.TF_VAR_ssh_private_key = readFileSync(key, "utf8");
    const applied = await project.apply({ keyFromVariable: true });
    delete process.env.TF_VAR_ssh_private_key;
    expect(applied.output).toMatch(/Apply complete!/);
    expect(applied.output).toMatch(/etcd-server-7-22 on hdss7-22: rollout: healthy/);
    expect(applied.output).not.toContain(readFileSync(key, "utf8").split("\n")[1]);
    await expectHealthy(project);
  });

  test("a deploy works with a pinned host key and a bastion: one host is reached directly, the others through it", async () => {
    const hostKeys = await lab.onAll("cut -d' ' -f1,2 /etc/ssh/ssh_host_ecdsa_key.pub");
    const members = Object.entries(HOSTS).map(([host, address], i) => ({
      name: `etcd-server-${address.split(".").slice(2).join("-")}`,
      address,
      host,
      ssh: i === 0 ? { hostKey: hostKeys[i] } : { bastionHost: "10.4.7.12" },
    }));
    const project = new Project(lab, "bastion");
    expect((await project.apply({ members })).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect(
      await lab.on("hdss7-22", "journalctl -u ssh -o cat | grep -c 'Accepted publickey for root from 10.4.7.12'"),
    ).not.toBe("0");
  });

  test("a host that presents another key than the pinned one is refused", async () => {
    const [wrong] = await lab.onAll("cut -d' ' -f1,2 /etc/ssh/ssh_host_ecdsa_key.pub");
    const members = [
      { name: "etcd-server-7-22", address: "10.4.7.22", hostName: "hdss7-22", ssh: { hostKey: wrong, timeout: "5s" } },
    ];
    const refused = await new Project(lab, "wrong-host").apply({ members });
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/knownhosts: key mismatch|key is unknown|host key/);
  });

  test("a deploy works with the SSH agent, and so does the destroy", async () => {
    const project = new Project(lab, "agent");
    const socket = join(lab.directory("agent"), "socket");
    const agent = lab.start(["ssh-agent", "-D", "-a", socket]);
    project.environment = { SSH_AUTH_SOCK: socket };
    await lab.exec(["sh", "-c", `until [ -S ${socket} ]; do sleep 0.05; done; SSH_AUTH_SOCK=${socket} ssh-add ${key}`]);
    const applied = await project.apply({ ssh: { timeout: "20s" } });
    const destroyed = await project.destroy();
    agent.kill("SIGTERM");
    expect(applied.output).toMatch(/Apply complete!/);
    expect(destroyed.output).toMatch(/Destroy complete!/);
    expect(await lab.onAll("supervisorctl status | grep etcd; true")).toEqual(["", "", ""]);
  });
});
