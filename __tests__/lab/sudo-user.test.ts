import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, leftovers } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";

describe("hosts without supervisor, with a sudo user and sshd on port 2222", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("sudo", "--user", "deploy", "--ssh-port", "2222");
    project = new Project(lab);
  });
  afterAll(() => lab.down());

  test("a user whom sudo allows too little is refused in one line", async () => {
    const directory = join((await lab.lab("host-root", "hdss7-21")).trim(), "etc/sudoers.d");
    // sudo ignores files with a dot in their name.
    const rules = readdirSync(directory).filter((name) => name !== "README");
    expect(rules).not.toEqual([]);
    for (const rule of rules) renameSync(join(directory, rule), join(directory, `${rule}.away`));
    await lab.lab("console", "hdss7-12", "echo 'Defaults noexec' >/etc/sudoers.d/noexec");
    const refused = await project.apply();
    await lab.lab("console", "hdss7-12", "rm /etc/sudoers.d/noexec");
    for (const rule of rules) renameSync(join(directory, `${rule}.away`), join(directory, rule));
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(
      /etcd-server-7-21 on hdss7-21: preflight refused: no right to become root: the user deploy is not root and 'sudo -n' does not run this script: sudo: a password is required; to do: /,
    );
    expect(refused.output).toMatch(
      /etcd-server-7-12 on hdss7-12: preflight refused: no right to become root: .* does not run this script: env: 'timeout': Permission denied; to do: /,
    );
    expect(await lab.on("hdss7-12", "ls /opt")).toBe("");
  });

  /**
   * Looks for a script of Terraform's that the user could change; an unprivileged user runs this until it is stopped.
   */
  const WATCH =
    "for f in /tmp/*.sh /tmp/.*.sh /home/deploy/*.sh /home/deploy/.*.sh /home/deploy/.ssh/.*.sh /root/.*.sh; do " +
    '[ ! -w "$f" ] || echo "$f" >>/tmp/writable; done';

  test("a deploy installs supervisor with the host's package manager, and leads to a healthy cluster", async () => {
    await lab.lab("console", "hdss7-22", `systemd-run -q --uid=nobody sh -c 'while :; do ${WATCH}; done'`);
    // Terraform asks for a terminal, which is what this rule wants.
    await lab.on("hdss7-22", "echo 'Defaults requiretty' >/etc/sudoers.d/terminal");
    const applied = await project.apply();
    expect(await lab.on("hdss7-22", "setsid -w runuser -u deploy -- sudo -n true 2>&1; true")).toMatch(
      /must have a tty/,
    );
    expect(await lab.on("hdss7-22", "cat /tmp/writable 2>/dev/null; true")).toBe("");
    expect(applied.output).toMatch(/installing supervisor with apt-get/);
    expect(applied.output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect(await lab.on("hdss7-12", "sudo supervisorctl status")).toMatch(/^etcd-server-7-12 +RUNNING/);
    expect(await lab.on("hdss7-12", "sudo stat -Lc '%a %U' /opt/etcd/certs/etcd-peer-key.pem")).toBe("600 etcd");
    expect(await lab.on("hdss7-12", "ls -A ~deploy/.cdktf-etcd 2>/dev/null; true")).toBe("");
    expect(await leftovers(lab)).toBe("");
  });
});
