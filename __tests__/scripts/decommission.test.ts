import type { Host } from "../support/host";
import { phase, pid, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const said = (text: string) => `a on host-a: decommission: ${text}`;
const decommission = (host: Host, policy = "retain") => phase(host, "decommission", { REMOVAL_POLICY: policy });

inEachShell((newHost) => {
  test.each(["debian", "rhel"] as const)(
    "the member is stopped and unregistered on %s, and its data stay",
    (supervisor) => {
      const host = newHost();
      runningHost(host, supervisor);
      expect(decommission(host)).toEqual({
        code: 0,
        lines: [said("stopped and unregistered"), said("data kept in /data/etcd")],
      });
      expect(pid(host)).toBe("");
      expect(host.has("/etc/supervisor/conf.d/etcd-server.ini") || host.has("/etc/supervisord.d/etcd-server.ini")).toBe(
        false,
      );
      expect(host.calls("supervisorctl")).toEqual(["stop a", "update"]);
      expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
      expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(true);
      expect(host.has("/opt/etcd/etcd")).toBe(true);
    },
  );

  test("with the policy destroy, data, logs, mark and binaries go, and nothing else", () => {
    const host = newHost();
    runningHost(host);
    host.write("/data/other", "");
    host.write("/opt/other/etcd", "");
    host.write("/opt/etcd-v3.5.0-by-hand/etcd", "");
    host.write("/var/lib/cdktf-etcd/b/started", "");
    expect(decommission(host, "destroy")).toEqual({
      code: 0,
      lines: [said("stopped and unregistered"), said("deleted data, logs and binaries")],
    });
    expect(host.list("/data")).toEqual(["other"]);
    expect(host.list("/opt")).toEqual(["etcd-v3.5.0-by-hand", "other"]);
    expect(host.list("/var/lib/cdktf-etcd")).toEqual(["b"]);
  });

  test.each(["retain", "destroy"])("a second time is as good as the first (%s)", (policy) => {
    const host = newHost();
    runningHost(host);
    decommission(host, policy);
    expect(decommission(host, policy)).toEqual({
      code: 0,
      lines: [said(policy === "retain" ? "data kept in /data/etcd" : "deleted data, logs and binaries")],
    });
  });

  test("a host on which nothing was ever installed is left as it is", () => {
    const host = newHost();
    expect(decommission(host).code).toBe(0);
    expect([host.list("/opt"), host.list("/var/lib")]).toEqual([[], []]);
  });

  test("an etcd that does not stop is no success: it stays registered, and its data stay", () => {
    const host = newHost();
    runningHost(host);
    const running = pid(host);
    host.stub("supervisorctl", "exit 1");
    expect(decommission(host, "destroy")).toEqual({
      code: 1,
      lines: [
        `a on host-a: decommission failed: etcd does not stop; to do: stop process ${running}, and destroy again`,
      ],
    });
    expect(host.has("/etc/supervisor/conf.d/etcd-server.ini")).toBe(true);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });
});
