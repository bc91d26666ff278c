import { rmSync, symlinkSync } from "node:fs";
import { pid, rollout, rolloutData, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const NEXT = "/opt/etcd-v3.6.14/etcd-server-startup.sh.next";
const CHANGE = { quotaBackendBytes: 4294967296 };
const REFUSED = {
  code: 3,
  lines: [
    "a on host-a: rollout refused: stage: what is staged here is not what this deploy has planned: another deploy has staged this member since, or this member's stage was interrupted; to do: make sure that nobody else deploys, then run terraform apply -replace='null_resource.stage'",
  ],
};

/** A rollout applies what its own deploy has planned, or nothing. */
inEachShell((newHost) => {
  const check = (host: ReturnType<typeof newHost>, cluster = {}, ini?: string) =>
    host.call("require_own_stage", { PHASE: "rollout", ...rolloutData(host, cluster, ini) });

  test.each(["staged", "in use"])("what is %s is accepted if it is what the deploy has planned", (where) => {
    const host = newHost();
    if (where === "staged") stagedHost(host);
    else runningHost(host);
    expect(check(host)).toEqual({ code: 0, lines: [] });
    host.write(NEXT, host.startupScript(CHANGE), 0o755);
    expect(check(host, CHANGE)).toEqual({ code: 0, lines: [] });
  });

  test("added or removed members make no difference, because etcd with data ignores them", () => {
    const host = newHost();
    runningHost(host);
    expect(check(host, { members: host.cluster.members.slice(0, 2) })).toEqual({ code: 0, lines: [] });
  });

  test("another startup script is refused, whether it is another deploy's or the old one because the new one was never staged", () => {
    const host = newHost();
    runningHost(host);
    const before = pid(host);
    expect(rollout(host, { cluster: CHANGE })).toEqual(REFUSED);
    host.write(NEXT, host.startupScript(CHANGE), 0o755);
    expect(rollout(host)).toEqual(REFUSED);
    expect(pid(host)).toBe(before);
  });

  test("another supervisor program is refused, and so is a missing one", () => {
    const host = newHost();
    runningHost(host);
    expect(check(host, {}, "[program:a]\n")).toEqual(REFUSED);
    rmSync(host.path("/etc/supervisor/conf.d/etcd-server.ini"));
    expect(check(host)).toEqual(REFUSED);
  });

  test.each(["etcd-peer.pem", "ca.pem"])(
    "certificates of another deploy are refused, both in use and staged (%s)",
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
