import { rmSync, symlinkSync } from "node:fs";
import { pid, rollout, rolloutData, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const NEXT = "/opt/etcd-v3.6.14/etcd-server-startup.sh.next";
const CHANGE = { quotaBackendBytes: 4294967296 };
const REFUSED = {
  code: 3,
  lines: [
    "a on host-a: rollout refused: stage: what is staged here is not what this deploy has planned: another deploy was here since, or this member's stage was cut short; to do: see that nobody else deploys, then terraform apply -replace='null_resource.stage'",
  ],
};

/** A rollout brings what its own deploy has planned, or nothing. */
inEachShell((newHost) => {
  const check = (host: ReturnType<typeof newHost>, cluster = {}, ini?: string) =>
    host.call("require_own_stage", { PHASE: "rollout", ...rolloutData(host, cluster, ini) });

  test.each(["staged", "in use"])("what is %s may be what was planned", (where) => {
    const host = newHost();
    if (where === "staged") stagedHost(host);
    else runningHost(host);
    expect(check(host)).toEqual({ code: 0, lines: [] });
    host.write(NEXT, host.startupScript(CHANGE), 0o755);
    expect(check(host, CHANGE)).toEqual({ code: 0, lines: [] });
  });

  test("members that come or go make no difference: etcd does not read them", () => {
    const host = newHost();
    runningHost(host);
    expect(check(host, { members: host.cluster.members.slice(0, 2) })).toEqual({ code: 0, lines: [] });
  });

  test("another startup script is refused: that of another deploy, or the old one where the new one never came", () => {
    const host = newHost();
    runningHost(host);
    const before = pid(host);
    expect(rollout(host, { cluster: CHANGE })).toEqual(REFUSED);
    host.write(NEXT, host.startupScript(CHANGE), 0o755);
    expect(rollout(host)).toEqual(REFUSED);
    expect(pid(host)).toBe(before);
  });

  test("another program is refused, and so is none", () => {
    const host = newHost();
    runningHost(host);
    expect(check(host, {}, "[program:a]\n")).toEqual(REFUSED);
    rmSync(host.path("/etc/supervisor/conf.d/etcd-server.ini"));
    expect(check(host)).toEqual(REFUSED);
  });

  test.each(["etcd-peer.pem", "ca.pem"])(
    "certificates of another deploy are refused, in use and staged (%s)",
    (file) => {
      const host = newHost();
      stagedHost(host);
      host.write(`/opt/etcd-v3.6.14/certs.0/${file}`, "of another state\n");
      expect(check(host)).toEqual(REFUSED);
      host.write(`/opt/etcd-v3.6.14/certs.0/${file}`, "");
      for (const each of ["etcd-peer.pem", "ca.pem"]) host.write(`/opt/etcd-v3.6.14/certs.1/${each}`, "");
      symlinkSync("certs.1", host.path("/opt/etcd-v3.6.14/certs.next"));
      expect(check(host)).toEqual({ code: 0, lines: [] });
      host.write(`/opt/etcd-v3.6.14/certs.1/${file}`, "of another state\n");
      expect(check(host)).toEqual(REFUSED);
    },
  );

  test("a host on which nothing was ever staged is refused", () => {
    expect(rollout(newHost())).toEqual(REFUSED);
  });
});
