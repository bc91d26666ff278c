import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { installSupervisorFiles, SUPERVISOR, type SupervisorPackage } from "../support/fake-supervisor";
import { inEachShell } from "../support/shells";

inEachShell((newHost) => {
  function hostWith(from: SupervisorPackage) {
    const host = newHost();
    installSupervisorFiles(host, from);
    return host;
  }

  test("Debian's supervisor includes *.conf in a directory of its own", () => {
    expect(hostWith("debian").call("supervisor_conf; supervisor_include; supervisor_service").lines).toEqual([
      "/etc/supervisor/supervisord.conf",
      "/etc/supervisor/conf.d/*.conf",
      "supervisor",
    ]);
  });

  test("RHEL's supervisor includes *.ini, relative to its own configuration", () => {
    expect(hostWith("rhel").call("supervisor_conf; supervisor_include; supervisor_service").lines).toEqual([
      "/etc/supervisord.conf",
      "/etc/supervisord.d/*.ini",
      "supervisord",
    ]);
  });

  test("a host without supervisor has no include", () => {
    expect(newHost().call("supervisor_include || echo none").lines).toEqual(["none"]);
  });

  test("a configuration that includes nothing has no include, whatever other sections or comments say", () => {
    const host = newHost();
    host.write(
      "/etc/supervisord.conf",
      "[program:x]\nfiles=a\n;[include]\n;files = b\n[include]\n[eventlistener:y]\nfiles=c\n",
    );
    expect(host.call("supervisor_include || echo none").lines).toEqual(["none"]);
  });

  test("the first of several patterns counts, with or without blanks around the sign", () => {
    const host = newHost();
    host.write("/etc/supervisord.conf", "[include]\nfiles=conf.d/*.conf other.d/*.ini\n");
    expect(host.call("supervisor_include").lines).toEqual(["/etc/conf.d/*.conf"]);
  });

  test("on Debian a program is an ini with a second name that supervisor includes", () => {
    const host = hostWith("debian");
    expect(host.call("printf '[program:a]\\n' | register_program").code).toBe(0);
    expect(host.read("/etc/supervisor/conf.d/etcd-server.ini")).toBe("[program:a]\n");
    expect(readlinkSync(host.path("/etc/supervisor/conf.d/etcd-server.conf"))).toBe("etcd-server.ini");
  });

  test("on RHEL a program is an ini, and nothing more", () => {
    const host = hostWith("rhel");
    expect(host.call("printf '[program:a]\\n' | register_program").code).toBe(0);
    expect(host.read("/etc/supervisord.d/etcd-server.ini")).toBe("[program:a]\n");
    expect(lstatSync(host.path("/etc/supervisord.d/etcd-server.ini")).isFile()).toBe(true);
    expect(readdirSync(host.path("/etc/supervisord.d"))).toEqual([".keep", "etcd-server.ini"]);
  });

  test.each(["debian", "rhel"] as const)(
    "on %s unregistering leaves nothing of the program, and can be repeated",
    (from) => {
      const host = hostWith(from);
      host.write(`${SUPERVISOR[from].programs}/other.conf`, "");
      expect(host.call("printf x | register_program; unregister_program; unregister_program").code).toBe(0);
      expect(readdirSync(host.path(SUPERVISOR[from].programs))).toEqual([".keep", "other.conf"]);
    },
  );

  test("the program's file has the name that the program of the user gives", () => {
    const host = newHost({ props: { paths: { supervisorIni: "events" } } });
    installSupervisorFiles(host, "debian");
    expect(host.call("program_ini; program_include").lines).toEqual([
      "/etc/supervisor/conf.d/events.ini",
      "/etc/supervisor/conf.d/events.conf",
    ]);
  });
});
