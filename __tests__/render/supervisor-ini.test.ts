import { userInfo } from "node:os";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import * as fc from "fast-check";
import { renderIni } from "../../src/render/ini";
import { renderProgramIni } from "../../src/render/program-ini";
import { runPython, supervisorPythonPath } from "../support/supervisor";
import { temporaryDirectory } from "../support/temporary-directory";

const member = { name: "etcd-server-7-12" };

test("the supervisor program of a member has exactly this text", () => {
  expect(renderProgramIni({ installRoot: "/opt", logDir: "/data/logs/etcd-server", user: "etcd" }, member)).toBe(
    `[program:etcd-server-7-12]
command=/opt/etcd/etcd-server-startup.sh
directory=/opt/etcd
user=etcd
autostart=true
autorestart=true
startsecs=1
startretries=1000
stopsignal=TERM
stopwaitsecs=30
redirect_stderr=true
stdout_logfile=/data/logs/etcd-server/etcd.log
stdout_logfile_maxbytes=64MB
stdout_logfile_backups=4
`,
  );
});

test("a percent sign is doubled", () => {
  expect(renderIni("program:x", { command: "echo 100%" })).toBe("[program:x]\ncommand=echo 100%%\n");
});

test.each(["a\nb", "a\rb", "a ;b", "a\t#b", " a", "a ", "%(here)s"])(
  "%j is refused with a message that says what to leave out",
  (value) => {
    expect(() => renderIni("program:x", { command: value })).toThrow(
      `command: ${JSON.stringify(value)} cannot be written in a supervisor file; leave out line breaks, leading and trailing blanks, " ;", " #" and "%(here)s"`,
    );
  },
);

describe("supervisor's own parser", () => {
  const pythonPath = supervisorPythonPath();
  const withSupervisor = pythonPath === undefined ? test.skip : test;
  const directory = temporaryDirectory();

  withSupervisor("reads every value back as it was", () => {
    // The values are printable ASCII, which a file in any locale can contain.
    const value = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom("%", ";", "#", " ", "(", ")s", "'", '"', "\\", "="),
          fc.string({ minLength: 1, maxLength: 1 }),
        ),
      })
      .filter((text) => !/^\s|\s$|\s[;#]|%\(here\)s/.test(text));
    const values = Object.fromEntries(fc.sample(value, { numRuns: 500, seed: 1 }).map((text, i) => [`key${i}`, text]));
    const file = join(directory, "values.ini");
    writeFileSync(file, renderIni("program:x", values));
    const read = runPython(
      pythonPath!,
      `
import json, sys
from supervisor.options import UnhosedConfigParser
parser = UnhosedConfigParser()
parser.read([sys.argv[1]])
print(json.dumps({key: parser.saneget("program:x", key) for key, _ in parser.items("program:x")}))`,
      [file],
    );
    expect(JSON.parse(read)).toEqual(values);
  });

  withSupervisor("reads a member's program with the intended settings", () => {
    const cluster = { installRoot: join(directory, "100%"), logDir: directory, user: userInfo().username };
    const file = join(directory, "supervisord.conf");
    writeFileSync(file, `[supervisord]\nlogfile=${directory}/supervisord.log\n${renderProgramIni(cluster, member)}`);
    const read = runPython(
      pythonPath!,
      `
import json, sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(["-c", sys.argv[1]])
program = options.process_group_configs[0].process_configs[0]
names = ["name", "command", "directory", "uid", "autostart", "startsecs", "startretries", "stopsignal", "stopwaitsecs", "stopasgroup",
  "redirect_stderr", "stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups"]
print(json.dumps({**{name: getattr(program, name) for name in names}, "autorestart": program.autorestart.__name__}))`,
      [file],
    );
    expect(JSON.parse(read)).toEqual({
      name: "etcd-server-7-12",
      command: `${directory}/100%/etcd/etcd-server-startup.sh`,
      directory: `${directory}/100%/etcd`,
      uid: userInfo().uid,
      autostart: true,
      autorestart: "RestartUnconditionally",
      startsecs: 1,
      startretries: 1000,
      stopsignal: 15,
      stopwaitsecs: 30,
      stopasgroup: false,
      redirect_stderr: true,
      stdout_logfile: `${directory}/etcd.log`,
      stdout_logfile_maxbytes: 64 * 1024 * 1024,
      stdout_logfile_backups: 4,
    });
  });
});
