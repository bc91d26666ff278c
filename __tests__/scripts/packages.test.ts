import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { breakNeighbour, installSupervisor, installSupervisorFiles, OWN_STATUS } from "../support/fake-supervisor";
import { type Host, RECORD } from "../support/host";
import { inEachShell } from "../support/shells";

/** A server that asks for a password. It has its own process, because the tests block while they wait for clients. */
const MIRROR = `
require("node:http").createServer((request, response) => {
  const login = Buffer.from((request.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
  if (login !== "user:s@cret") return response.writeHead(401, { "WWW-Authenticate": 'Basic realm="mirror"' }).end();
  if (request.url === "/missing") return response.writeHead(404).end();
  response.end(request.url + " of " + login);
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;

const mirror = { port: 0, stop: () => {} };
beforeAll(async () => {
  const server = spawn(process.execPath, ["-e", MIRROR], { stdio: ["ignore", "pipe", "inherit"] });
  mirror.stop = () => server.kill();
  mirror.port = await new Promise((resolve) => server.stdout.once("data", (port) => resolve(Number(port))));
});
afterAll(() => mirror.stop());

const systemChanges = (host: Host) =>
  [...host.calls("apt-get"), ...host.calls("systemctl")].filter((call) => !/^(show|is-enabled) /.test(call));

inEachShell((newHost) => {
  test.each([
    [["apt-get", "dnf", "yum"], "apt-get"],
    [["dnf", "yum"], "dnf"],
    [["yum"], "yum"],
    [["zypper"], "zypper"],
  ])("of the package managers %j, %s is used", (there, chosen) => {
    const host = newHost();
    for (const manager of there) host.stub(manager, RECORD);
    expect(host.call("package_manager")).toEqual({ code: 0, lines: [chosen] });
  });

  test("a host may have no package manager", () => {
    expect(newHost().call("package_manager || echo none").lines).toEqual(["none"]);
  });

  test("apt-get updates its lists first and asks no questions", () => {
    const host = newHost();
    host.stub("apt-get", `echo "$DEBIAN_FRONTEND $*" >>"$CALLS"`);
    expect(host.call("install_packages supervisor")).toEqual({
      code: 0,
      lines: ["a on host-a: test: installing supervisor with apt-get"],
    });
    expect(host.calls("apt-get")).toEqual([
      "noninteractive -q -o APT::Update::Error-Mode=any update",
      "noninteractive -qy -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confmiss install --no-install-recommends supervisor",
    ]);
  });

  test.each([
    [
      "dpkg's reason is on the line after its error",
      'Setting up supervisor (4.2.5-1) ...\\ninvoke-rc.d: initscript supervisor, action "start" failed.\\n' +
        "dpkg: error processing package supervisor (--configure):\\n installed supervisor package post-installation script subprocess returned error exit status 1\\n" +
        "Errors were encountered while processing:\\n supervisor\\nE: Sub-process /usr/bin/dpkg returned an error code (1)\\n",
      "dpkg: error processing package supervisor (--configure): installed supervisor package post-installation script subprocess returned error exit status 1; to do: run dpkg --configure -a on this host, correct what it complains of, and apply again",
    ],
    [
      "an installation that was interrupted before has to be completed first",
      "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\\n",
      "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.; to do: run dpkg --configure -a on this host, correct what it complains of, and apply again",
    ],
    [
      "a dependency that apt-get does not find is named",
      "The following packages have unmet dependencies:\\n supervisor : Depends: python3-pkg-resources but it is not going to be installed\\n" +
        "E: Unable to correct problems, you have held broken packages.\\n",
      "E: Unable to correct problems, you have held broken packages. (supervisor : Depends: python3-pkg-resources but it is not going to be installed); to do: make sure that the host's package sources offer supervisor (RHEL: enable EPEL for supervisor), or install it by hand, and apply again",
    ],
  ])("%s", (_, words, line) => {
    const host = newHost();
    host.stub("apt-get", `case $* in *update) ;; *) printf -- ${JSON.stringify(words)} && exit 100 ;; esac`);
    expect(host.call("install_packages supervisor").lines.at(-1)).toBe(
      `a on host-a: test failed: cannot install supervisor: ${line}`,
    );
  });

  test.each(["dnf", "yum"])("%s installs and asks no questions", (manager) => {
    const host = newHost();
    host.stub(manager, RECORD);
    expect(host.call("install_packages supervisor").lines).toEqual([
      `a on host-a: test: installing supervisor with ${manager}`,
    ]);
    expect(host.calls(manager)).toEqual(["-qy install supervisor"]);
  });

  test.each(["dnf", "yum"])("%s looks at its repositories again if what it knows of them does not do", (manager) => {
    const host = newHost();
    const fresh = host.path("/run/fresh");
    host.stub(
      manager,
      `${RECORD}; case $* in *clean*) : >${fresh} ;; *) [ -e ${fresh} ] || { echo 'Error: Unable to find a match: supervisor'; exit 1; } ;; esac`,
    );
    expect(host.call("install_packages supervisor")).toEqual({
      code: 0,
      lines: [`a on host-a: test: installing supervisor with ${manager}`],
    });
    expect(host.calls(manager)).toEqual(["-qy install supervisor", "-qy clean expire-cache", "-qy install supervisor"]);
  });

  test("a dnf that waits for its lock until the time limit is not started again", () => {
    const host = newHost();
    host.stub("dnf", `${RECORD}; echo 'Waiting for process with pid 812 to finish.'; exec sleep 5`);
    expect(host.call("PACKAGE_LOCK_SECONDS=1; install_packages supervisor").lines.at(-1)).toMatch(
      /cannot install supervisor: Waiting for process with pid 812 to finish\./,
    );
    expect(host.calls("dnf")).toEqual(["-qy install supervisor"]);
  });

  test("a package that cannot be installed gives one line with the last message of the package manager", () => {
    const host = newHost();
    host.stub("dnf", "echo 'Last metadata check'; echo 'Error: Unable to find a match: supervisor' >&2; echo; exit 1");
    expect(host.call("install_packages supervisor; echo not reached")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test: installing supervisor with dnf",
        "a on host-a: test failed: cannot install supervisor: Error: Unable to find a match: supervisor; to do: make sure that the host's package sources offer supervisor (RHEL: enable EPEL for supervisor), or install it by hand, and apply again",
      ],
    });
  });

  test.each([102, 103, 106, 107])("zypper's exit code %d comes after an installation", (code) => {
    const host = newHost();
    host.stub("zypper", `${RECORD}; echo "Warning: Skipping repository 'x' because of the above error."; exit ${code}`);
    host.stub("rpm", `[ "$*" = '-q supervisor' ]`);
    expect(host.call("install_packages supervisor").lines).toEqual([
      "a on host-a: test: installing supervisor with zypper",
    ]);
    expect(host.calls("zypper")).toHaveLength(1);
    host.stub("rpm", "exit 1");
    expect(host.call("install_packages supervisor").lines.at(-1)).toMatch(
      /cannot install supervisor: Warning: Skipping repository 'x'/,
    );
  });

  test.each([4, 104])("zypper's exit code %d is a failure", (code) => {
    const host = newHost();
    host.stub("zypper", `echo "No provider of 'supervisor' found."; exit ${code}`);
    expect(host.call("install_packages supervisor").lines.at(-1)).toMatch(
      /cannot install supervisor: No provider of 'supervisor' found\.; to do: /,
    );
  });

  test.each([
    [
      "a dependency that dnf does not find is named",
      "Error: \\n Problem: package supervisor requires python3-setuptools, but none of the providers can be installed\\n" +
        "  - conflicting requests\\n  - nothing provides python(abi) = 2.7 needed by python3-setuptools\\n" +
        "(try to add '--skip-broken' to skip uninstallable packages)\\n",
      /cannot install supervisor: Error: Problem: package supervisor requires python3-setuptools, but none of the providers can be installed; conflicting requests; nothing provides python\(abi\) = 2\.7 needed by python3-setuptools; to do: /,
    ],
    [
      "dnf 5 (Fedora 41 and later) gives its reason before a hint",
      "Updating and loading repositories:\\nRepositories loaded.\\nFailed to resolve the transaction:\\n" +
        "No match for argument: supervisor\\nYou can try to add to command line:\\n" +
        "  --skip-unavailable to skip unavailable packages\\n",
      /cannot install supervisor: Failed to resolve the transaction: No match for argument: supervisor; to do: /,
    ],
  ])("%s", (_, words, line) => {
    const host = newHost();
    host.stub("dnf", `printf -- "${words}" >&2; exit 1`);
    expect(host.call("install_packages supervisor").lines.at(-1)).toMatch(line);
  });

  test("a package source that does not answer is ignored if the package can be installed, and named if it cannot", () => {
    const host = newHost();
    // By default it ends with 0, and warns.
    const update =
      "case $* in *update) echo 'Err:1 y InRelease'; echo \"  Could not resolve 'y'\"; case $* in *APT::Update::Error-Mode=any*) ;; *) echo 'W: Failed to fetch y'; exit ;; esac; echo \"E: Failed to fetch y  Could not resolve 'y'\"; exit 100 ;; esac";
    host.stub("apt-get", `${RECORD}; ${update}`);
    expect(host.call("install_packages curl").code).toBe(0);
    host.stub("apt-get", `${RECORD}; ${update}; echo 'E: Unable to locate package curl'; exit 100`);
    expect(host.call("install_packages curl").lines.at(-1)).toMatch(
      /cannot install curl: E: Failed to fetch y Could not resolve 'y'; to do: /,
    );
  });

  const LISTS_LOCKED =
    "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)\nE: Unable to lock directory /var/lib/apt/lists/";

  test("a lock that another process holds, as on a cloud host's first boot, is waited for, and its holder is named", () => {
    const host = newHost();
    const tries = host.path("/run/tries");
    host.stub(
      "apt-get",
      `${RECORD}; echo x >>${tries}; [ "$(grep -c x ${tries})" -gt 4 ] || { printf '${LISTS_LOCKED}'; exit 100; }`,
    );
    // At its first boot, a host sets its clock.
    const date = `date() { [ "$1" != +%s ] || wc -c <${tries} | sed 's/$/000000/'; }`;
    expect(host.call(`: >${tries}; ${date}; sleep() { :; }; install_packages supervisor`)).toEqual({
      code: 0,
      lines: [
        "a on host-a: test: installing supervisor with apt-get",
        "a on host-a: test: the package manager is in use, waiting up to 300 s: E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)",
      ],
    });
  });

  test("a lock that is never released is reported in the end", () => {
    const host = newHost();
    host.stub("apt-get", `printf '${LISTS_LOCKED}'; exit 100`);
    expect(host.call("PACKAGE_LOCK_SECONDS=0; install_packages supervisor").lines.at(-1)).toBe(
      "a on host-a: test failed: cannot install supervisor: the package manager has been in use for 0 s: E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get); to do: wait until the process that holds the lock has ended, and apply again",
    );
  });

  // What was `not run` is `not started` in newer versions.
  test.each(["running", "not run", "not started"])("cloud-init is waited for if it is still at work: %s", (status) => {
    const host = newHost();
    host.stub("cloud-init", `${RECORD}; echo 'status: ${status}'`);
    host.stub("dnf", RECORD);
    expect(host.call("install_packages supervisor").lines[0]).toBe(
      "a on host-a: test: cloud-init is still at work on this host, waiting for it up to 300 s",
    );
    expect(host.calls("cloud-init")).toEqual(["status", "status --wait"]);
  });

  test("a supervisor that is installed and answers is left alone", () => {
    const host = newHost();
    installSupervisor(host);
    host.stub("systemctl", `${RECORD}; [ "$1" != is-enabled ] || echo enabled`);
    host.stub("apt-get", RECORD);
    expect(host.call("ensure_supervisor")).toEqual({ code: 0, lines: [] });
    expect(systemChanges(host)).toEqual([]);
  });

  test("a supervisor that runs but would not start after a reboot is enabled", () => {
    const host = newHost();
    installSupervisor(host, "rhel");
    const enabled = host.path("/run/enabled");
    host.stub(
      "systemctl",
      `${RECORD}; case $1 in enable) : >${enabled} ;; is-enabled) [ ! -e ${enabled} ] || echo enabled ;; esac`,
    );
    expect(host.call("ensure_supervisor").lines).toEqual([
      "a on host-a: test: enabled supervisord.service, so that etcd comes back after a reboot",
    ]);
  });

  test.each([
    ["cannot be enabled", "exit 1"],
    ["does not start at boot in spite of systemctl enable", "[ $1 != is-enabled ] || echo static"],
    ["is enabled only until the next reboot", "[ $1 != is-enabled ] || echo enabled-runtime"],
  ])("a supervisor whose unit %s is warned about", (_, script) => {
    const host = newHost();
    installSupervisor(host, "rhel");
    host.write("/proc/70/comm", "supervisord\n");
    host.write("/proc/70/status", OWN_STATUS);
    host.write("/proc/70/cmdline", "python3\0/usr/bin/supervisord\0");
    host.write("/proc/70/cgroup", "0::/system.slice/apps-supervisor.service\n");
    host.stub("systemctl", script);
    expect(host.call("ensure_supervisor").lines).toEqual([
      "a on host-a: test: warning: apps-supervisor.service is not enabled: make sure that supervisord starts at boot, otherwise etcd does not come back after a reboot",
    ]);
  });

  test("files of other programs that a newly started supervisord cannot read are named", () => {
    const host = newHost();
    installSupervisor(host);
    breakNeighbour(host);
    expect(host.call("start_supervisor").lines.join()).toMatch(
      /test failed: supervisord cannot read its configuration: CANT_REREAD: .*jobs\.conf'\); to do: /,
    );
  });

  test.each([
    ["", `test -e "$up" && echo 1`],
    // What supervisor 3.4.0 of EPEL 7 does.
    [", also one whose supervisorctl always ends with 0", `test -e "$up" && echo 1 || echo 'unix:///s no such file'`],
  ])("a missing supervisor is installed, enabled and waited for%s", (_, answer) => {
    const host = newHost();
    installSupervisorFiles(host, "rhel"); // what the package contains
    const supervisorctl = host.path("/stubs/supervisorctl");
    const up = host.path("/run/up");
    host.write("/home/supervisorctl", `#!/bin/sh\nup='${up}'\n${answer}\n`, 0o755);
    host.stub("dnf", `cp ${host.path("/home/supervisorctl")} ${supervisorctl}`);
    host.stub(
      "systemctl",
      // systemctl 219 of RHEL 7 has no --now.
      `${RECORD}; case $* in *--now*) exit 1 ;; start*) : >${up} ;; is-enabled*) [ ! -e ${up} ] || echo enabled ;; esac`,
    );
    expect(host.call("ensure_supervisor")).toEqual({
      code: 0,
      lines: ["a on host-a: test: installing supervisor with dnf"],
    });
    expect(systemChanges(host)).toEqual(["enable supervisord.service", "start supervisord.service"]);
  });

  test("a supervisor that includes no directory for programs is a failure that names the file to correct", () => {
    const host = newHost();
    installSupervisor(host);
    host.write("/etc/supervisor/supervisord.conf", "[supervisord]\n");
    expect(host.call("ensure_supervisor")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: /etc/supervisor/supervisord.conf includes no existing directory for programs; to do: add one with [include] files = …, and apply again",
      ],
    });
  });

  test("a supervisord that never answers is a failure that names the unit to look at", () => {
    const host = newHost();
    installSupervisorFiles(host, "debian");
    host.stub("supervisorctl", "echo 'no socket, refused connection' | cut -d, -f1; exit 2");
    expect(host.call('wait_until() { shift; "$@"; }; ensure_supervisor')).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: supervisord does not start: no socket; to do: correct the cause (see: systemctl status supervisor.service), and apply again",
      ],
    });
  });

  test("curl is preferred, and a failed download gives its message", () => {
    const host = newHost();
    host.stub("curl", `${RECORD}; echo 'curl: (22) 404' >&2; exit 22`);
    host.stub("wget", RECORD);
    expect(host.call("download https://m/x /t/x || echo code $?").lines).toEqual(["curl: (22) 404", "code 22"]);
    expect(host.calls("curl")).toEqual([
      "-fsSL --retry 3 --connect-timeout 10 --speed-limit 1 --speed-time 30 -o /t/x --config -",
    ]);
    expect(host.calls("wget")).toEqual([]);
  });

  test("wget is used if there is no curl", () => {
    const host = newHost();
    host.stub("wget", `${RECORD}; echo 'wget: 404' >&2; exit 8`);
    expect(host.call("download https://m/x /t/x || echo code $?").lines).toEqual(["wget: 404", "code 8"]);
    expect(host.calls("wget")).toEqual(["-nv --tries=3 --connect-timeout=10 --read-timeout=30 -O /t/x --input-file=-"]);
  });

  describe("a mirror that asks for a password", () => {
    const downloaders = ["curl", "wget", "python3"].filter((tool) => existsSync(`/usr/bin/${tool}`));

    test.each(downloaders)(
      "gives the archive to %s, and the password appears in no command line and in no message",
      (tool) => {
        const host = newHost();
        host.stub(tool, `${RECORD}; exec /usr/bin/${tool} "$@"`);
        const from = (path: string, login: string) => {
          host.write("/home/.cdktf-etcd/a/archive-url", `http://${login}@127.0.0.1:${mirror.port}${path}`);
          return host.call(
            `download http://127.0.0.1:${mirror.port}${path} "${host.path("/home/got")}" || echo "code $?"`,
          );
        };
        expect(from("/{arch}/archive", "user:s%40cret").lines.filter((line) => line.startsWith("code"))).toEqual([]);
        expect(host.read("/home/got")).toMatch(/^\/(amd64|arm64)\/archive of user:s@cret$/);
        const missing = from("/missing", "user:s%40cret");
        expect(missing.lines.at(-1)).toMatch(/^code \d+$/);
        expect(missing.lines.join(" ")).toMatch(/404/);
        const wrong = from("/x/archive", "user:wrong%40");
        expect(wrong.lines.join(" ")).toMatch(/401|Authentication Failed/);
        for (const line of [...host.calls(tool), ...missing.lines, ...wrong.lines])
          expect(line).not.toMatch(/s(%40|@)cret|wrong/);
      },
    );
  });

  test("supervisor's Python is used if there is neither curl nor wget", () => {
    const host = newHost();
    host.stub("python3", 'exec /usr/bin/python3 "$@"');
    host.write("/home/served", "archive\n");
    const file = (name: string) => host.path(`/home/${name}`);
    expect(host.call(`download "file://${file("served")}" "${file("got")}"`)).toEqual({ code: 0, lines: [] });
    expect(host.read("/home/got")).toBe("archive\n");
    const missing = host.call(`download "file://${file("missing")}" "${file("got")}" || echo code $?`);
    expect(missing.lines.slice(-2)).toEqual([
      expect.stringMatching(/^urllib\.error\.URLError: .*No such file/),
      "code 1",
    ]);
  });

  test.each([
    ["#!/venv/python3 -s", "/venv/python3"],
    ["#! /usr/libexec/platform-python", "/usr/libexec/platform-python"],
    ["#!/usr/bin/env python3", "python3"],
    ["#!/usr/bin/env -S python3.11 -s", "python3.11"],
    ["#!/bin/sh\n'''exec' /a/long/path/bin/python3 \"$0\" \"$@\"\n' '''", "/a/long/path/bin/python3"],
    ["#!/bin/sh\n'''exec' \"/a long/path/bin/python3\" \"$0\" \"$@\"\n' '''", "/a long/path/bin/python3"],
    ['#!/bin/sh\n"exec" "/a/long/path/bin/python2.7" "$0" "$@"', "/a/long/path/bin/python2.7"],
    ['#!/bin/bash\nexec /snap/supervisor/wrapper "$@"', ""],
    ["\x7fELF", ""],
  ])("the interpreter of a script that begins with %j is %j", (text, interpreter) => {
    const host = newHost();
    host.write("/home/script", `${text}\nimport sys\n`);
    expect(host.call(`interpreter_of ${host.path("/home/script")}`).lines.join()).toBe(interpreter);
  });

  test("supervisor's Python is that of supervisorctl if there is one, else python3", () => {
    const host = newHost();
    host.stub("python3", "exit");
    expect(host.call("supervisor_python").lines).toEqual(["/stubs/python3"]);
    host.write("/venv/python", "#!/bin/sh\n", 0o755);
    host.write("/stubs/supervisorctl", `#!${host.path("/venv/python")}\n`, 0o755);
    expect(host.call("supervisor_python").lines).toEqual(["/venv/python"]);
    host.write("/stubs/supervisorctl", "#!/nowhere/python\n", 0o755);
    expect(host.call("supervisor_python").lines).toEqual(["/stubs/python3"]);
  });

  describe("the unit of supervisord", () => {
    const DROP_IN = "/etc/systemd/system/supervisord.service.d/00-cdktf-etcd-a.conf";

    /** What systemd says about a unit, of EPEL's package if nothing else is given. */
    function hostWith({
      restart = "no",
      execStart = "/usr/bin/supervisord",
      dropIns = "",
      killMode = "control-group",
      needsReload = "no",
    } = {}) {
      const host = newHost();
      installSupervisor(host, "rhel");
      host.stub(
        "systemctl",
        `${RECORD}; case $* in *NeedDaemonReload*) echo NeedDaemonReload=${needsReload} ;; ` +
          `*ExecStart*) printf '%s\\n' 'ExecStart=${execStart && `{ path=${execStart} ; }`}' Restart=${restart} KillMode=${killMode} DropInPaths=${dropIns} ;; ` +
          `is-enabled*) echo enabled ;; esac`,
      );
      return host;
    }

    test("without Restart=, as EPEL's is, it gets it from a file of this member, once", () => {
      const host = hostWith();
      expect(host.call("ensure_supervisor; ensure_supervisor").lines).toEqual([
        `a on host-a: test: systemd starts supervisord again if it fails: ${DROP_IN}`,
      ]);
      expect(host.read(DROP_IN)).toBe("[Service]\nRestart=on-failure\nRestartSec=3\n");
      expect(host.calls("systemctl").filter((call) => call === "daemon-reload")).toHaveLength(1);
    });

    test("is read again if a stage was killed before systemd had read the file", () => {
      const host = hostWith({ needsReload: "yes" });
      host.write(DROP_IN, "[Service]\nRestart=on-failure\nRestartSec=3\n");
      expect(host.call("ensure_supervisor").lines).toHaveLength(1);
      expect(host.calls("systemctl")).toContain("daemon-reload");
    });

    test("that has Restart=, as Debian's has, is left alone; so is one that does not run supervisord, or whose programs outlive it", () => {
      for (const unit of [
        { restart: "on-failure" },
        { execStart: "" },
        { execStart: "/usr/sbin/sshd" },
        { killMode: "process" },
      ]) {
        const host = hostWith(unit);
        expect(host.call("ensure_supervisor").lines).toEqual([]);
        expect(host.has("/etc/systemd")).toBe(false);
        expect(host.calls("systemctl")).not.toContain("daemon-reload");
      }
    });

    test("that has Restart= from another member's file gets a file of this member too, and loses only that", () => {
      const other = DROP_IN.replace("-a.conf", "-b.conf");
      const host = hostWith({ restart: "on-failure", dropIns: other });
      host.write(other, "");
      expect(host.call("ensure_supervisor").lines).toHaveLength(1);
      expect(host.list("/etc/systemd/system/supervisord.service.d")).toEqual([
        "00-cdktf-etcd-a.conf",
        "00-cdktf-etcd-b.conf",
      ]);
      host.forgetCalls();
      expect(host.call("forget_supervisor_unit; forget_supervisor_unit").code).toBe(0);
      expect(host.list("/etc/systemd/system/supervisord.service.d")).toEqual(["00-cdktf-etcd-b.conf"]);
      expect(host.calls("systemctl")).toEqual(["daemon-reload"]);
    });
  });
});
