import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, leftovers } from "./support/cluster";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import type { Result } from "./support/run";

describe("a first deploy that fails says why in one line, and the next apply continues once the cause is removed", () => {
  let lab: Lab;
  /** One project, whose deploy meets one fault after the other. */
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("faults", "--supervisor", "preinstalled");
    project = new Project(lab);
  });
  afterAll(() => lab.down());

  function expectFailure(result: Result, line: RegExp): void {
    expect(result.code).not.toBe(0);
    expect(result.output).toMatch(line);
  }

  test("a wrong SSH key fails the deploy with an authentication error", async () => {
    const key = join(lab.directory("keys"), "id_ed25519");
    await lab.exec(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    expectFailure(
      await project.apply({ ssh: { keyFile: key, timeout: "5s" } }),
      /timeout - last error: SSH authentication failed/,
    );
  });

  test("if one host cannot be reached, the other hosts are not touched", async () => {
    await lab.lab("link", "hdss7-21", "down");
    const failed = await project.apply();
    await lab.lab("link", "hdss7-21", "up");
    expectFailure(failed, /Error: remote-exec[^]*member_etcd-server-7-21_preflight[^]*timeout - last error: /);
    expect(await lab.onAll("ls /opt")).toEqual(["", "", ""]);
  });

  test("if the archive does not exist, the line names its URL and says what to do", async () => {
    const archive = join((await lab.lab("http-root")).trim(), "etcd/v3.6.14");
    await lab.exec(["mv", archive, `${archive}.away`]);
    expectFailure(
      await project.apply(),
      /stage failed: cannot download http:\/\/10\.4\.7\.1:8080\/etcd\/v3\.6\.14\/etcd-v3\.6\.14-linux-amd64\.tar\.gz: .*404.*; to do: /,
    );
    await lab.exec(["mv", `${archive}.away`, archive]);
  });

  test("an archive with another digest is refused, and nothing of it is unpacked", async () => {
    const archive = join((await lab.lab("http-root")).trim(), "etcd/v3.6.14/etcd-v3.6.14-linux-amd64.tar.gz");
    await lab.exec(["cp", archive, `${archive}.good`]);
    writeFileSync(archive, "not what was ordered");
    expectFailure(
      await project.apply(),
      /etcd-server-7-12 on hdss7-12: stage failed: the archive of etcd 3\.6\.14 has sha256 [0-9a-f]{64}, not [0-9a-f]{64}, and was not unpacked; to do: /,
    );
    expect(await lab.onAll("ls /opt")).toEqual(["", "", ""]);
    await lab.exec(["mv", `${archive}.good`, archive]);
  });

  test("once all causes are removed, the same deploy completes and leaves nothing behind from the failures", async () => {
    expect((await project.apply()).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
    expect(await leftovers(lab)).toBe("");
  });

  test("a disk that fills up while the archive is unpacked fails the deploy; with space again, the next apply completes", async () => {
    await lab.lab("reset");
    project = new Project(lab, "full");
    await lab.on("hdss7-22", "mkdir -p /small; mount -t tmpfs -o size=310m,mode=755 tmpfs /small");
    // There is enough free space for preflight; then another process takes it.
    const props = { paths: { installRoot: "/small" } };
    await lab.onAll("mkdir -p -m 755 /small");
    await lab.on(
      "hdss7-22",
      "systemd-run -q --unit=glutton sh -c 'until [ -e /small/.etcd-v3.6.14.aside ]; do :; done; head -c 260M /dev/zero >/small/glut'",
    );
    expectFailure(
      await project.apply(props),
      /etcd-server-7-22 on hdss7-22: stage failed: .*(No space left|disk full|Failed writing|Failure writing).*; to do: /i,
    );
    await lab.on("hdss7-22", "rm -f /small/glut");
    expect((await project.apply(props)).output).toMatch(/Apply complete!/);
    await expectHealthy(project);
  });
});
