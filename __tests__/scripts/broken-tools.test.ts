import { symlinkSync } from "node:fs";
import { type Host } from "../support/host";
import { inEachShell } from "../support/shells";

const FAULT = "Input/output error";

/** Makes a tool of the host fail with its own reason or, as one that the kernel ends for lack of memory, without one. */
const broken = (host: Host, tool: string, reason?: string) =>
  host.stub(tool, reason ? `echo '${tool}: ${reason}' >&2; exit 1` : "exit 1");

inEachShell((newHost) => {
  test.each([
    ["df", "check_room /opt 1 'set paths.installRoot'", "it is unknown how much room there is for /opt: REASON"],
    ["ip", "check_address", "ip does not say which addresses this host has: REASON"],
    ["getent", "ensure_user", "cannot find out whether the user USER exists: REASON"],
    ["sha256sum", 'install_binaries "$STATE_DIR/archive"', "the archive of etcd 3.6.14 cannot be read: REASON"],
    ["df", "STATE_DIR=/opt; live=; refuse_without_room", "an unknown number of MB free for /data/etcd"],
  ])("if %s fails, %s says so, with its reason, and draws no conclusion", (tool, text, line) => {
    const host = newHost();
    host.write("/var/lib/cdktf-etcd/a/archive", host.archive());
    for (const reason of [FAULT, undefined]) {
      broken(host, tool, reason);
      const expected = line
        .replace("REASON", reason ? `${tool}: ${reason}` : `${tool === "ip" ? "it" : tool} was ended`)
        .replace("USER", host.cluster.user);
      expect(host.call(text).lines).toEqual([expect.stringContaining(expected)]);
    }
    expect(host.list("/opt")).toEqual([]);
  });

  test.each([
    ["base64", "/opt/etcd-v3.6.14/etcd-server-startup.sh", "STARTUP_BASE64=bmV3Cg==; stage_startup_script"],
    ["sed", "/var/lib/cdktf-etcd/a/claim", "are_data_unseen() { :; }; forget_unseen_data"],
    ["sed", "/var/lib/cdktf-etcd/a/claim", "claim_host"],
    ["cat", "/var/lib/cdktf-etcd/a/made", "remember_made /opt/new"],
    ["cat", "/var/lib/cdktf-etcd/a/memberships.health", "PHASE=health MEMBERSHIP=9; remember_membership"],
    [
      "sed",
      "/opt/etcd-v3.6.14/etcd-server-startup.sh",
      "look_for_status() { found_status=; }; restart_by() { :; }; wait_while_moving() { :; }; take_raft_snapshot",
    ],
  ])("if %s fails, %s stays as it was: %s", (tool, file, text) => {
    const host = newHost();
    symlinkSync("etcd-v3.6.14", host.path("/opt/etcd"));
    host.write(file, "data_dir=/data/former\n", 0o600);
    broken(host, tool, FAULT);
    const { code, lines } = host.call(`trap 'leave $?' EXIT; ${text}`);
    expect({ failed: code !== 0, text: host.read(file) }).toEqual({ failed: true, text: "data_dir=/data/former\n" });
    expect(lines.at(-1)).toMatch(/^a on host-a: (test|health) failed: /);
  });

  test("a write-ahead log that cannot be searched counts as one with the requests that etcd 3.7 cannot read", () => {
    const host = newHost();
    const has = () => host.call("if has_v2_requests; then echo yes; else echo no; fi").lines;
    host.write("/data/etcd/member/wal/0.wal", "other requests");
    expect(has()).toEqual(["no"]);
    host.stub("grep", `echo 'grep: 0.wal: ${FAULT}' >&2; exit 2`);
    expect(has().at(-1)).toBe("yes");
  });

  test("a df that says nothing does not stop a check", () => {
    const host = newHost();
    host.stub("df", "exit 0");
    expect(host.call("check_room /opt 1 'set paths.installRoot'").lines).toEqual([
      "a on host-a: test refused: free disk: it is unknown how much room there is for /opt: df says nothing; to do: correct that, or set paths.installRoot",
    ]);
  });
});
