import { chmodSync, statSync } from "node:fs";
import { installBinaries } from "../support/fake-etcd";
import { type Host, RECORD } from "../support/host";
import { MEMBERSHIP, rolloutData } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";

/** The user that every system has and that may do nothing. */
const NOBODY = 65534;

/** So that another user can come in. */
function open(host: Host): Host {
  for (const path of ["", "/home"]) chmodSync(host.path(path), 0o777);
  return host;
}

inEachShell((newHost) => {
  test("open_inbox makes a directory that only the SSH user can enter, and becomes nobody else", () => {
    const host = newHost();
    host.stub("sudo", RECORD);
    expect(host.phase("open_inbox")).toEqual({ code: 0, lines: [] });
    expect(statSync(host.path("/home/.cdktf-etcd/a")).mode & 0o777).toBe(0o700);
    expect(host.calls("sudo")).toEqual([]);
  });

  test("open_inbox waits while another deploy's inbox is there, so that neither takes the other's key away", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", "of another deploy");
    const inbox = `"$HOME/.cdktf-etcd/a"`;
    const went = host.call(`(sleep 0.5; rm -r ${inbox}) & as_login_user; ls ${inbox}`, { PHASE: "open_inbox" });
    expect(went).toEqual({ code: 0, lines: [] });
    expect(statSync(host.path("/home/.cdktf-etcd/a")).mode & 0o777).toBe(0o700);
  });

  test("open_inbox takes over what a killed deploy left", () => {
    const host = newHost();
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", "of a killed deploy");
    chmodSync(host.path("/home/.cdktf-etcd/a"), 0o755);
    expect(host.call('wait_until() { shift; "$@"; }; as_login_user', { PHASE: "open_inbox" })).toEqual({
      code: 0,
      lines: [],
    });
    expect(statSync(host.path("/home/.cdktf-etcd/a")).mode & 0o777).toBe(0o700);
  });

  test("a phase leaves its script nowhere, since Terraform would when it is killed", () => {
    const host = newHost();
    host.phase("shutdown", { REMOVAL_POLICY: "retain" });
    expect(host.list("/").filter((file) => file.startsWith("run-"))).toEqual([]);
  });

  test("a phase runs with one argument list only: as Terraform calls it, without any", () => {
    const host = newHost();
    expect(host.phase("shutdown", { REMOVAL_POLICY: "destroy" })).toEqual({ code: 0, lines: [] });
  });

  test("the exit code of a refusal and of a failure reach Terraform", () => {
    const host = newHost();
    expect(host.phase("rollout", rolloutData(host)).code).toBe(3);
    installBinaries(host);
    expect(host.phase("health", { MEMBERSHIP }).code).toBe(1);
  });

  test("no phase ends without a word, not even by a mistake of the scripts", () => {
    const host = newHost();
    host.stub("mkdir", "exit 7");
    expect(host.phase("shutdown", { REMOVAL_POLICY: "retain" })).toEqual({
      code: 1,
      lines: [
        "a on host-a: shutdown failed: a command ended with code 7; to do: apply again; if it comes back, report it with the lines above",
      ],
    });
  });

  testAsRoot("a user who is not root and has no sudo is refused, and nothing was done", () => {
    const host = open(newHost());
    const before = host.list("/");
    expect(host.phase("shutdown", {}, { uid: NOBODY })).toEqual({
      code: 3,
      lines: [
        "a on host-a: shutdown refused: no right to become root: the user nobody is not root and 'sudo -n' is not allowed; to do: log in as root, or give nobody NOPASSWD in sudoers",
      ],
    });
    expect(host.list("/").filter((file) => !file.startsWith("run-"))).toEqual(before);
  });

  testAsRoot("a sudo that asks for a password is refused in the same words", () => {
    const host = open(newHost());
    host.stub("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    expect(host.phase("shutdown", {}, { uid: NOBODY })).toEqual({
      code: 3,
      lines: [
        "a on host-a: shutdown refused: no right to become root: the user nobody is not root and 'sudo -n' is not allowed; to do: log in as root, or give nobody NOPASSWD in sudoers",
      ],
    });
  });

  testAsRoot("a sudo that asks for nothing runs the same file again, and passes the SSH user's inbox on", () => {
    const host = open(newHost());
    host.stub("sudo", RECORD);
    // For nobody to write to.
    host.write("/stubs/sudo.calls", "", 0o666);
    expect(host.phase("shutdown", {}, { uid: NOBODY })).toEqual({ code: 0, lines: [] });
    expect(host.calls("sudo")).toEqual([
      "-n true",
      `-n timeout -k 10 60 sh ${host.path("/run-1.sh")} as-root ${host.path("/home/.cdktf-etcd/a")}`,
    ]);
  });

  test("a phase that takes too long is ended, with one clear line", () => {
    const host = newHost();
    installBinaries(host);
    host.write("/opt/etcd-v3.6.14/etcdctl", "#!/bin/sh\nsleep 30\n", 0o755);
    const started = Date.now();
    expect(host.phase("health", { MEMBERSHIP }, { seconds: 1 })).toEqual({
      code: 1,
      lines: ["a on host-a: health failed: not done within 1 s; to do: look at the last line above, and apply again"],
    });
    expect(Date.now() - started).toBeLessThan(10000);
  });

  test("a phase that has begun goes on when Terraform is gone", () => {
    const host = newHost();
    const run = host.call(`
      phase_health() { kill -HUP $$; say "nobody reads this" >&-; : >"${host.path("/home/done")}"; }
      set -- as-root inbox
      main health 60 "$@"`);
    expect(run).toEqual({ code: 0, lines: [] });
    expect(host.has("/home/done")).toBe(true);
  });

  describe("the lock", () => {
    test("another deploy on the same member is waited for, and told about", () => {
      const host = newHost();
      const lock = host.path("/run/cdktf-etcd/a.lock");
      const run = host.call(`
        mkdir -p "${host.path("/run/cdktf-etcd")}"
        (flock 9; : >"${host.path("/run/held")}"; sleep 0.5; echo other done) 9>"${lock}" &
        wait_until 5 test -e "${host.path("/run/held")}"
        take_lock
        echo ours`);
      expect(run).toEqual({
        code: 0,
        lines: ["a on host-a: test: another deploy works on this member, waiting for it", "other done", "ours"],
      });
    });

    test("one that does not end is refused after a minute", () => {
      const host = newHost();
      host.stub("flock", `${RECORD}; exit 1`);
      expect(host.call("take_lock")).toEqual({
        code: 3,
        lines: [
          "a on host-a: test: another deploy works on this member, waiting for it",
          "a on host-a: test refused: locked: another deploy has been at work on this member for a minute; to do: wait for it to end, then apply again",
        ],
      });
      expect(host.calls("flock")).toEqual(["-n 9", "-w 60 9"]);
    });

    test("a free lock is taken without a word, and gone with its process", () => {
      const host = newHost();
      expect(host.call("take_lock")).toEqual({ code: 0, lines: [] });
      expect(host.call("take_lock")).toEqual({ code: 0, lines: [] });
    });
  });
});
