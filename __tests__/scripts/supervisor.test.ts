import type { Host } from "../support/host";
import { lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { installSupervisorFiles, SUPERVISOR, type SupervisorPackage, OWN_STATUS } from "../support/fake-supervisor";
import { inEachShell } from "../support/shells";

inEachShell((newHost) => {
  function hostWith(from: SupervisorPackage) {
    const host = newHost();
    installSupervisorFiles(host, from);
    return host;
  }

  const place = (host: Host) => host.call("supervisor_conf; supervisor_patterns; program_ini; program_include").lines;

  test("Debian's supervisor includes *.conf in a directory of its own", () => {
    expect(place(hostWith("debian"))).toEqual([
      "/etc/supervisor/supervisord.conf",
      "/etc/supervisor/conf.d/*.conf",
      "/etc/supervisor/conf.d/etcd-server.ini",
      "/etc/supervisor/conf.d/etcd-server.conf",
    ]);
  });

  test("RHEL's supervisor includes *.ini, relative to its own configuration", () => {
    expect(place(hostWith("rhel"))).toEqual([
      "/etc/supervisord.conf",
      "/etc/supervisord.d/*.ini",
      "/etc/supervisord.d/etcd-server.ini",
      "/etc/supervisord.d/etcd-server.ini",
    ]);
  });

  test("a host without supervisor has no directory for programs", () => {
    expect(newHost().call("program_include || echo none").lines).toEqual(["none"]);
  });

  test.each<[string, string, string[]]>([
    [
      "comments and other sections",
      "[program:x]\nfiles=a\n;[include]\n;files = b\n[include]\n[eventlistener:y]\nfiles=c\n",
      [],
    ],
    ["several patterns", "[include]\nfiles=conf.d/*.conf /other.d/*.ini\n", ["/etc/conf.d/*.conf", "/other.d/*.ini"]],
    ["%(here)s", "[include]\nfiles = %(here)s/conf.d/*.conf\n", ["/etc/conf.d/*.conf"]],
    ["a colon and another case", "[include]\nFiles: x/*.conf ; mine\n", ["/etc/x/*.conf"]],
    [
      "values on separate lines",
      "[include]\nfiles =\n  a/*.conf\n\n# no\n\tb/*.conf\n[supervisord]\nfiles = c\n",
      ["/etc/a/*.conf", "/etc/b/*.conf"],
    ],
    [
      "the last of two sections",
      "[include]\nfiles=a/*.conf\n[program:x]\ncommand=files=z\n[include]\nfiles=b/*.conf\r\n",
      ["/etc/b/*.conf"],
    ],
    ["an unknown environment variable", "[include]\nfiles = %(ENV_NOWHERE)s/*.conf 100%%/*.ini\n", ["/etc/100%/*.ini"]],
  ])("the configuration is read as supervisor reads it: %s", (_, text, patterns) => {
    const host = newHost();
    host.write("/etc/supervisord.conf", text);
    expect(host.call("supervisor_patterns").lines).toEqual(patterns);
  });

  test("a command in a message names the configuration that supervisorctl would not take by itself", () => {
    const host = hostWith("debian");
    host.stub("supervisorctl", "echo 'error: not answered'");
    host.write("/data/etcd/member/wal/0.wal", "");
    host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
    host.write("/data/etcd/.cdktf-etcd", "member=b\npeer_url=https://127.0.0.2:2380\n");
    const todo = () =>
      host
        .call("look_for_supervisor; check_data")
        .lines.join()
        .replace(/.*; to do: (.*), and bring.*/, "$1");
    expect(todo()).toBe("run supervisorctl stop a");
    host.write("/srv/x.conf", "[include]\nfiles=conf.d/*.conf\n");
    host.write("/proc/70/comm", "supervisord\n");
    host.write("/proc/70/status", OWN_STATUS);
    host.write("/proc/70/cmdline", `python3\0/usr/bin/supervisord\0-c\0${host.path("/srv/x.conf")}\0`);
    expect(todo()).toBe("run supervisorctl -c /srv/x.conf stop a");
    // pip may have installed it where no login looks for it.
    host.unstub("supervisorctl");
    host.write("/venv/bin/supervisorctl", "", 0o755);
    host.write("/venv/bin/supervisord", "", 0o755);
    host.write("/proc/70/cmdline", `python3\0${host.path("/venv/bin/supervisord")}\0-c\0${host.path("/srv/x.conf")}\0`);
    expect(todo()).toBe("run /venv/bin/supervisorctl -c /srv/x.conf stop a");
  });

  test("the configuration is the running supervisord's, not another file on the host", () => {
    const host = hostWith("debian");
    host.write("/etc/supervisord.conf", "[include]\nfiles=x/*.ini\n");
    expect(host.call("supervisor_conf").lines).toEqual(["/etc/supervisord.conf"]);
    host.write("/proc/70/comm", "python3\n");
    host.write("/proc/70/status", OWN_STATUS);
    const runs = (...options: string[]) => {
      host.write("/proc/70/cmdline", ["/usr/bin/python3", "/usr/bin/supervisord", ...options, ""].join("\0"));
      return host.call("supervisor_conf").lines;
    };
    expect(runs("-n", "-c", host.path("/etc/supervisor/supervisord.conf"))).toEqual([
      "/etc/supervisor/supervisord.conf",
    ]);
    expect(runs("-nc", "/srv/x.conf")).toEqual(["/srv/x.conf"]);
    expect(runs("-c/srv/x.conf")).toEqual(["/srv/x.conf"]);
    expect(runs("--configuration=/srv/x.conf", "-n")).toEqual(["/srv/x.conf"]);
    expect(runs("-n")).toEqual(["/etc/supervisord.conf"]);
    // A child process that supervisord has just forked is not another supervisord.
    host.write("/proc/71/comm", "supervisord\n");
    host.write("/proc/71/cmdline", "python3\0/usr/bin/supervisord\0-c\0/srv/y.conf\0");
    host.write("/proc/71/status", `Name:\tsupervisord\nPPid:\t70\n${OWN_STATUS}`);
    expect(runs("-c", "/srv/x.conf")).toEqual(["/srv/x.conf"]);
    // Its number may come first in the order of names, and it may have ended a moment later.
    renameSync(host.path("/proc/71"), host.path("/proc/1000"));
    expect(runs("-c", "/srv/x.conf")).toEqual(["/srv/x.conf"]);
    expect(host.call("set_supervisord; echo ${supervisord##*/}").lines).toEqual(["70"]);
    // Neither is one in a container that sees the processes of the host.
    host.write("/proc/1000/status", OWN_STATUS);
    symlinkSync(host.path("/proc"), host.path("/proc/1000/root"));
    mkdirSync(host.path("/proc/self"), { recursive: true });
    for (const process of ["70", "self"]) symlinkSync(host.path("/"), host.path(`/proc/${process}/root`));
    expect(runs("-c", "/srv/x.conf")).toEqual(["/srv/x.conf"]);
    host.write("/proc/70/environ", "A=1\0CONFS=/srv/confs\0");
    host.write("/srv/x.conf", "[include]\nfiles = %(ENV_CONFS)s/*.conf\n");
    runs("-c", host.path("/srv/x.conf"));
    expect(host.call("supervisor_patterns").lines).toEqual(["/srv/confs/*.conf"]);
  });

  test.each(["65533\t0\t0\t0", "65533\t65533\t65533\t65533", ""])(
    "a process that another user has started is neither a supervisord nor an etcd of root's: %j",
    (uids) => {
      const host = hostWith("debian");
      host.write("/etc/supervisord.conf", "");
      for (const name of ["supervisord", "etcd"]) {
        host.write(`/proc/some-${name}/comm`, `${name}\n`);
        host.write(`/proc/some-${name}/status`, `Name:\t${name}\nUid:\t${uids}\n`);
        host.write(`/proc/some-${name}/cmdline`, ["supervisord", "-c", "/srv/evil.conf", "--name=a", ""].join("\0"));
      }
      const proc = host.path("/proc");
      const call = `for p in supervisord etcd; do ! is_of_member "${proc}/some-$p" || echo "$p"; done`;
      expect(host.call(call).lines).toEqual([]);
      renameSync(host.path("/proc/some-supervisord"), host.path("/proc/99999999"));
      expect(host.call("supervisor_conf").lines).toEqual(["/etc/supervisord.conf"]);
    },
  );

  test("a program's file goes where *.ini is included, or stays where it already is", () => {
    const host = newHost();
    host.write("/etc/supervisord.conf", "[include]\nfiles = no.d/*.ini a.d/*/x.conf b.d/*.conf c.d/*.ini\n");
    for (const directory of ["b.d", "c.d"]) host.write(`/etc/${directory}/.keep`, "");
    host.call('mkdir -p "$(dirname "$(supervisor_conf)")/b.d" "$(dirname "$(supervisor_conf)")/c.d"');
    expect(host.call("program_include").lines).toEqual(["/etc/c.d/etcd-server.ini"]);
    host.write("/etc/b.d/etcd-server.ini", "[program:a]\n");
    expect(host.call("program_include").lines).toEqual(["/etc/b.d/etcd-server.conf"]);
  });

  test("on Debian a program is an ini file and a link to it that supervisor includes", () => {
    const host = hostWith("debian");
    expect(host.call("printf '[program:a]\\n' | register_program").code).toBe(0);
    expect(host.read("/etc/supervisor/conf.d/etcd-server.ini")).toBe("[program:a]\n");
    expect(readlinkSync(host.path("/etc/supervisor/conf.d/etcd-server.conf"))).toBe("etcd-server.ini");
  });

  test("on RHEL a program is only an ini file", () => {
    const host = hostWith("rhel");
    expect(host.call("printf '[program:a]\\n' | register_program").code).toBe(0);
    expect(host.read("/etc/supervisord.d/etcd-server.ini")).toBe("[program:a]\n");
    expect(lstatSync(host.path("/etc/supervisord.d/etcd-server.ini")).isFile()).toBe(true);
    expect(readdirSync(host.path("/etc/supervisord.d"))).toEqual([".keep", "etcd-server.ini"]);
  });

  test.each(["debian", "rhel"] as const)(
    "on %s unregistering leaves nothing of the program and can be repeated",
    (from) => {
      const host = hostWith(from);
      host.write(`${SUPERVISOR[from].programs}/other.conf`, "");
      expect(host.call("printf x | register_program; unregister_program; unregister_program").code).toBe(0);
      expect(readdirSync(host.path(SUPERVISOR[from].programs))).toEqual([".keep", "other.conf"]);
    },
  );

  test("a warning from Python is not part of supervisor's answer", () => {
    const host = hostWith("debian");
    host.stub(
      "supervisorctl",
      `[ "\${PYTHONWARNINGS:-}" = ignore ] || echo "UserWarning: pkg_resources is deprecated"; echo 70`,
    );
    expect(host.call('supervisor_answers && echo "$supervisor_answer"').lines).toEqual(["70"]);
  });

  test("a configuration with comments in another language is readable, also for Python 3.6, which goes by the locale", () => {
    const host = hostWith("rhel");
    const words = "Error: 'ascii' codec can't decode byte 0xe4 in position 2: ordinal not in range(128)";
    host.stub("supervisorctl", `case $LC_ALL in *.UTF-8) echo 70 ;; *) echo "${words}" && exit 2 ;; esac`);
    expect(host.call('supervisor_answers && echo "$supervisor_answer"').lines).toEqual(["70"]);
  });

  test.each([
    [
      "a Python that does not find supervisor",
      "echo 'Traceback (most recent call last):'; echo 'pkg_resources.DistributionNotFound: …'; exit 1",
    ],
    ["no interpreter", "echo 'env: /usr/bin/supervisorctl: No such file or directory'; exit 127"],
    ["no right to run it", "exit 126"],
  ])("the output of a broken supervisorctl is not an answer: %s", (_, script) => {
    const host = hostWith("debian");
    host.stub("supervisorctl", script);
    expect(host.call("if supervisor_reads_others || supervisor pid a; then echo answered; fi").lines).toEqual([]);
  });

  test("the file of the supervisor program has the name that the user's program gives", () => {
    const host = newHost({ props: { paths: { supervisorProgramFile: "events" } } });
    installSupervisorFiles(host, "debian");
    expect(host.call("program_ini; program_include").lines).toEqual([
      "/etc/supervisor/conf.d/events.ini",
      "/etc/supervisor/conf.d/events.conf",
    ]);
  });
});
