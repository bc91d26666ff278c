import { inEachShell } from "../support/shells";

inEachShell((newHost) => {
  test("a step is one line that names the member, its host and the phase", () => {
    expect(newHost().call('say "staged"')).toEqual({ code: 0, lines: ["a on host-a: test: staged"] });
  });

  test("a refusal says what is refused, why and what to do, and exits with 3", () => {
    expect(newHost().call('refuse "disk" "it is full" "make room"; echo not reached')).toEqual({
      code: 3,
      lines: ["a on host-a: test refused: disk: it is full; to do: make room"],
    });
  });

  test("control characters in a message do not reach the operator's terminal", () => {
    expect(newHost().call(`refusal "member" "$(printf 'it is \\033]0;title\\007 x')" "look"`).lines).toEqual([
      "a on host-a: test refused: member: it is ]0;title x; to do: look",
    ]);
  });

  test("nor do those of two bytes; other letters do", () => {
    const text = "it is \u009b31mred\u009d0;title\u009c, 5 µs → \u00a0é";
    expect(newHost().call(`refusal "member" '${text}' "look"; say '→ µ'`).lines).toEqual([
      "a on host-a: test refused: member: it is 31mred0;title, 5 µs → \u00a0é; to do: look",
      "a on host-a: test: → µ",
    ]);
  });

  test("a collected refusal prints the same line and continues", () => {
    expect(newHost().call('refusal "disk" "it is full" "make room"; echo reached')).toEqual({
      code: 0,
      lines: ["a on host-a: test refused: disk: it is full; to do: make room", "reached"],
    });
  });

  test.each(["is_of_member /proc/$process || true", "read_process /proc/$process"])(
    "%s leaves nothing for the next read if the process ends in the meantime",
    (looks) => {
      const text = `
        rounds=200
        while [ "$rounds" -gt 0 ]; do
          rounds=$((rounds - 1))
          : &
          process=$!
          ${looks}
          set_uptime
        done`;
      expect(newHost().call(text)).toEqual({ code: 0, lines: [] });
    },
  );

  test.each(["etcd", "x\na[$(>evil)]", "a) R 1 2 3", "(", ""])(
    "a process has its start time whatever its name: %j",
    (name) => {
      const host = newHost();
      const fields = ["S", ...Array.from({ length: 49 }, (_, i) => String(i + 1))];
      host.write("/proc/some/stat", `70 (${name}) ${fields.join(" ")}\n`);
      host.write("/proc/zombie/stat", `71 (${name}) ${["Z", ...fields.slice(1)].join(" ")}\n`);
      const text = 'for name in some zombie none; do read_start "$name"; echo "<$process_start>"; done; set_uptime';
      expect(host.call(text)).toEqual({ code: 0, lines: ["<19>", "<>", "<>"] });
    },
  );

  test("a failure says what failed and what to do, and exits with 1", () => {
    expect(newHost().call('fail "etcd does not start" "see its log"; echo not reached')).toEqual({
      code: 1,
      lines: ["a on host-a: test failed: etcd does not start; to do: see its log"],
    });
  });

  test.each([">&-", ">/dev/full"])(
    "a line that cannot be written stops nothing and changes no exit code (%s)",
    (output) => {
      const host = newHost();
      const reached = host.path("/home/reached");
      const call = (text: string) => host.call(`exec 2>/dev/null ${output}; ${text}; : >>"${reached}"`);
      expect(call('say "staged"; refusal "disk" "it is full" "make room"')).toEqual({ code: 0, lines: [] });
      expect(host.has("/home/reached")).toBe(true);
      expect(call('refuse "disk" "it is full" "make room"')).toEqual({ code: 3, lines: [] });
      expect(call('fail "etcd does not start" "see its log"')).toEqual({ code: 1, lines: [] });
    },
  );

  test("a phase that ends because a command failed prints that command's error", () => {
    const end = (command: string) => newHost().call(`trap 'explain_exit $?' EXIT; keep_errors; ${command}`).lines;
    expect(end("mkdir /proc/no/such")).toEqual([
      expect.stringMatching(
        /^a on host-a: test failed: mkdir: .*No such file or directory; to do: correct that, and apply again; if it happens again, report it together with the lines above$/,
      ),
    ]);
    expect(end("(exit 7)")).toEqual([expect.stringContaining("test failed: a command exited with code 7; to do: ")]);
    expect(end("echo warning >&2")).toEqual([]);
  });

  test("text with a percent sign or a backslash is printed as it is", () => {
    expect(newHost().call("say '100% \\n done'").lines).toEqual(["a on host-a: test: 100% \\n done"]);
  });

  test("wait_until polls until the command succeeds", () => {
    const host = newHost();
    const ready = host.path("/home/ready");
    expect(host.call(`(sleep 0.3; : >"${ready}") & wait_until 5 test -e "${ready}" && echo there`).lines).toEqual([
      "there",
    ]);
  });

  test("wait_until gives up when the time is up", () => {
    const started = Date.now();
    expect(newHost().call("wait_until 1 false || echo gave up").lines).toEqual(["gave up"]);
    // wait_until counts whole seconds.
    expect(Date.now() - started).toBeLessThan(3000);
  });
});
