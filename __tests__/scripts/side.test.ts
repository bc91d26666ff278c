import { setTimeout as sleep } from "node:timers/promises";
import { renderSideIni } from "../../src/render/side-program";
import { EtcdBackups, EtcdDefragmentation } from "../../src/settings";
import { inEachShell } from "../support/shells";

jest.setTimeout(20_000);

inEachShell((newHost) => {
  test.each(["backup", "defragmentation"] as const)(
    "the %s program ends if a supervisord that was killed has left it behind, because the next one starts another",
    (side) => {
      const host = newHost({
        props: { backups: EtcdBackups.onHosts(), defragmentation: EtcdDefragmentation.onHosts() },
      });
      const { code, lines } = host[side](`
process='${host.path("/proc")}'/$$
belong_to() { printf 'PPid:\t%s\n' "$1" >"$process/status"; }
mkdir "$process"; belong_to "$PPID"
correct_last_success() { :; }; follow_command() { :; }; TURN_LEASE=/none
rounds=0; look() { :; }; look_for_free_pages() { :; }
sleep() { rounds=$((rounds + 1)); case $rounds in 2) belong_to 1 ;; 3) exit 7 ;; esac; }
trap 'echo "$rounds rounds"' EXIT
${side}_loop`);
      expect(lines.at(-1)).toBe("2 rounds");
      expect(code).toBe(0);
    },
  );

  describe.each(["backup", "defragmentation"] as const)("supervisor stops the %s program", (side) => {
    /** What it says when supervisor's signal, which all its processes get, comes while it does this with etcdctl. */
    function stopped(work: string): { lines: string[]; isLeft: () => boolean } {
      const host = newHost({
        props: { backups: EtcdBackups.onHosts(), defragmentation: EtcdDefragmentation.onHosts() },
      });
      const signal = /^stopsignal=(\w+)$/m.exec(renderSideIni(host.cluster, host.member, side))?.[1];
      host.stub("etcdctl", 'sleep 3; echo went on >>"$CALLS"');
      // `timeout` sends the signal to its process group, as supervisor does.
      const { lines } = host[side](
        `if [ -z "\${INNER:-}" ]; then INNER=yes timeout -s ${signal} 1 sh "$0"; exit; fi
set_client_directory() { client=/x; }; set_installed_version() { version_in_use=3.6.14; }
set_client_tool() { client_tool=etcdctl; }; correct_last_success() { :; }; has_pending_command() { return 1; }
look() { ${work}; }; look_for_free_pages() { ${work}; }
as_user='' url=x AFTER_EACH=x AFTER_EACH_SECONDS=60 COMMAND='${host.path("/run/command")}' COMMAND_LOCK='${host.path("/run/lock")}' STATE_DIR='${host.path("/run")}' DEFRAG_ANSWER='${host.path("/run/answer")}'
${side}_loop`,
      );
      return { lines, isLeft: () => host.calls("etcdctl").length > 0 };
    }
    const first = expect.stringMatching(/ a on host-a: (backup: a backup every|defragmentation: defragments when) /);

    test.each([
      ["waits", ":"],
      ["asks etcd", "etcdctl_at x get y"],
      ["keeps etcd's answer", "answer=$(etcdctl_at x get y 2>&1)"],
      ["filters etcd's answer", "answer=$(etcdctl_at x get y | cat)"],
      side === "backup"
        ? [
            "runs the command after a backup",
            'has_pending_command() { :; }; AFTER_EACH=etcdctl; start_command 0; wait "$command_pid"',
          ]
        : ["has etcd at work", "run_defragmentation"],
    ])("while it %s: the shell leaves no word of its own in the log, and no process stays", async (_, work) => {
      const { lines, isLeft } = stopped(work);
      expect(lines).toEqual([first]);
      await sleep(2500);
      expect(isLeft()).toBe(false);
    });
  });
});
