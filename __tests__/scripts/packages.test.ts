import { installSupervisor, installSupervisorFiles } from "../support/fake-supervisor";
import { RECORD } from "../support/host";
import { inEachShell } from "../support/shells";

inEachShell((newHost) => {
  test.each([
    [["apt-get", "dnf", "yum"], "apt-get"],
    [["dnf", "yum"], "dnf"],
    [["yum"], "yum"],
  ])("of %j the package manager is %s", (there, chosen) => {
    const host = newHost();
    for (const manager of there) host.stub(manager, RECORD);
    expect(host.call("package_manager")).toEqual({ code: 0, lines: [chosen] });
  });

  test("a host may have no package manager", () => {
    expect(newHost().call("package_manager || echo none").lines).toEqual(["none"]);
  });

  test("apt-get reads its lists first, asks nothing, and waits for its lock", () => {
    const host = newHost();
    host.stub("apt-get", `echo "$DEBIAN_FRONTEND $*" >>"$CALLS"`);
    expect(host.call("install_packages supervisor")).toEqual({
      code: 0,
      lines: ["a on host-a: test: installing supervisor by apt-get"],
    });
    expect(host.calls("apt-get")).toEqual([
      "noninteractive -q -o DPkg::Lock::Timeout=120 update",
      "noninteractive -qy -o DPkg::Lock::Timeout=120 install --no-install-recommends supervisor",
    ]);
  });

  test.each(["dnf", "yum"])("%s installs and asks nothing", (manager) => {
    const host = newHost();
    host.stub(manager, RECORD);
    expect(host.call("install_packages supervisor").lines).toEqual([
      `a on host-a: test: installing supervisor by ${manager}`,
    ]);
    expect(host.calls(manager)).toEqual(["-qy install supervisor"]);
  });

  test("a package that cannot be had is one line with the last words of the package manager", () => {
    const host = newHost();
    host.stub("dnf", "echo 'Last metadata check'; echo 'Error: Unable to find a match: supervisor' >&2; echo; exit 1");
    expect(host.call("install_packages supervisor; echo not reached")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test: installing supervisor by dnf",
        "a on host-a: test failed: installing supervisor ended with: Error: Unable to find a match: supervisor; to do: see that the host's package sources offer supervisor (RHEL: enable EPEL for supervisor), or install it by hand, and apply again",
      ],
    });
  });

  test("lists that cannot be read fail before anything is installed", () => {
    const host = newHost();
    host.stub("apt-get", `${RECORD}; echo 'E: Failed to fetch'; exit 100`);
    expect(host.call("install_packages curl").code).toBe(1);
    expect(host.calls("apt-get")).toHaveLength(1);
  });

  test("a supervisor that is there and answers is left alone", () => {
    const host = newHost();
    installSupervisor(host);
    host.stub("systemctl", RECORD);
    host.stub("apt-get", RECORD);
    expect(host.call("ensure_supervisor")).toEqual({ code: 0, lines: [] });
    expect([...host.calls("apt-get"), ...host.calls("systemctl")]).toEqual([]);
  });

  test("a missing supervisor is installed, enabled and waited for", () => {
    const host = newHost();
    installSupervisorFiles(host, "rhel"); // what the package brings
    const supervisorctl = host.path("/stubs/supervisorctl");
    const up = host.path("/run/up");
    host.stub("dnf", `printf '#!/bin/sh\\ntest -e ${up}\\n' >${supervisorctl}; chmod 755 ${supervisorctl}`);
    host.stub("systemctl", `${RECORD}; : >${up}`);
    expect(host.call("ensure_supervisor")).toEqual({
      code: 0,
      lines: ["a on host-a: test: installing supervisor by dnf"],
    });
    expect(host.calls("systemctl")).toEqual(["enable --now supervisord"]);
  });

  test("a supervisor that includes nothing is refused with the file to correct", () => {
    const host = newHost();
    installSupervisor(host);
    host.write("/etc/supervisor/supervisord.conf", "[supervisord]\n");
    expect(host.call("ensure_supervisor")).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: supervisor includes no directory of programs; to do: add [include] files = … to /etc/supervisor/supervisord.conf",
      ],
    });
  });

  test("a supervisord that never answers fails with the unit to look at", () => {
    const host = newHost();
    installSupervisorFiles(host, "debian");
    host.stub("supervisorctl", "exit 2");
    expect(host.call('wait_until() { shift; "$@"; }; ensure_supervisor')).toEqual({
      code: 1,
      lines: ["a on host-a: test failed: supervisord does not answer; to do: look at: systemctl status supervisor"],
    });
  });

  test("curl is preferred, and a failing download gives its message", () => {
    const host = newHost();
    host.stub("curl", `${RECORD}; echo 'curl: (22) 404' >&2; exit 22`);
    host.stub("wget", RECORD);
    expect(host.call("download https://m/x /t/x || echo code $?").lines).toEqual(["curl: (22) 404", "code 22"]);
    expect(host.calls("curl")).toEqual(["-fsSL --retry 3 --connect-timeout 10 -o /t/x https://m/x"]);
    expect(host.calls("wget")).toEqual([]);
  });

  test("wget does it where there is no curl", () => {
    const host = newHost();
    host.stub("wget", `${RECORD}; echo 'wget: 404' >&2; exit 8`);
    expect(host.call("download https://m/x /t/x || echo code $?").lines).toEqual(["wget: 404", "code 8"]);
    expect(host.calls("wget")).toEqual(["-nv --tries=3 --connect-timeout=10 -O /t/x https://m/x"]);
  });

  test("supervisor's Python does it where there is neither", () => {
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
});
