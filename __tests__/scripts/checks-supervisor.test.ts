import { chownSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import {
  breakNeighbour,
  installNeighbour,
  installSupervisor,
  supervisorChanges,
  OWN_STATUS,
} from "../support/fake-supervisor";
import { runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";

const refused = (text: string) => `a on host-a: test refused: ${text}`;
const DAEMON = 1;
const CONF = "/etc/supervisor/supervisord.conf";

inEachShell((newHost) => {
  const supervisorHost = (...options: Parameters<typeof newHost>) => {
    const host = newHost(...options);
    installSupervisor(host);
    return host;
  };

  test("supervisor must be installed, or a package manager that can install it", () => {
    expect(newHost().call("check_supervisor").lines).toEqual([
      refused(
        "supervisor: it is not installed, and there is no apt-get, dnf, yum or zypper; to do: install supervisor",
      ),
    ]);
    const host = newHost();
    host.stub("zypper", "exit 1");
    expect(host.call("check_supervisor").lines).toEqual([]);
  });

  test("a supervisor without its configuration is refused, and how to bring that back is said", () => {
    const host = newHost();
    host.stub("supervisorctl", "exit 2");
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        "supervisor: supervisorctl is installed, but there is no supervisord.conf; to do: create /etc/supervisord.conf or /etc/supervisor/supervisord.conf (Debian: apt-get -o Dpkg::Options::=--force-confmiss install --reinstall supervisor)",
      ),
    ]);
  });

  test("a foreign program that supervisord rejects is named and nothing is applied, but a pending edit of such a program is ignored", () => {
    const host = supervisorHost();
    installNeighbour(host);
    expect(host.call("check_supervisor").lines).toEqual([]);
    breakNeighbour(host);
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        "supervisor: supervisord cannot read its configuration: CANT_REREAD: The directory named as part of the path /nope/jobs.log does not exist in section 'program:jobs' (file: '/etc/supervisor/conf.d/jobs.conf'); to do: correct that file until 'supervisorctl reread' reports no error",
      ),
    ]);
    host.write("/etc/supervisor/conf.d/jobs.conf", "garbage\n");
    expect(host.call("check_supervisor").lines.join()).toMatch(
      /CANT_REREAD: File contains no section headers\. file: '\/etc\/supervisor\/conf\.d\/jobs\.conf', line: 1 'garbage/,
    );
    expect(supervisorChanges(host)).toEqual([]);
  });

  test("a deleted log directory of the member's own program is accepted, because a deploy creates it again", () => {
    const host = newHost();
    runningHost(host);
    host.call('rm -r "$LOG_DIR"');
    expect(host.call("check_supervisor").lines).toEqual([]);
  });

  testAsRoot("a supervisord that runs as another user is refused, because it cannot start etcd as its user", () => {
    const host = supervisorHost();
    host.stub("supervisorctl", '[ "$3" != pid ] || echo 71');
    host.write("/proc/71/comm", "supervisord\n");
    host.write("/proc/71/status", OWN_STATUS);
    expect(host.call("check_supervisor").lines).toEqual([]);
    chownSync(host.path("/proc/71"), DAEMON, DAEMON);
    const { user } = host.cluster;
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        `supervisor: supervisord (process 71) runs as daemon, and only root can start etcd as ${user}; to do: remove user= from the section [supervisord] of ${CONF}, and User= from its systemd unit, and restart it`,
      ),
    ]);
  });

  test("a supervisord that cannot write to the places of etcd, although root can, is refused", () => {
    const host = supervisorHost();
    host.stub("supervisorctl", "echo 70");
    host.write("/proc/70/comm", "supervisord\n");
    host.write("/proc/70/status", OWN_STATUS);
    host.write("/proc/70/cmdline", `/usr/bin/python3\0/usr/bin/supervisord\0-n\0-c\0${host.path(CONF)}\0`);
    for (const namespace of ["pid", "view", "other-view"]) host.write(`/namespaces/${namespace}`, "");
    for (const [process, view] of [
      ["70", "other-view"],
      ["self", "view"],
    ]) {
      mkdirSync(host.path(`/proc/${process}/ns`), { recursive: true });
      symlinkSync(host.path("/namespaces/pid"), host.path(`/proc/${process}/ns/pid`));
      symlinkSync(host.path(`/namespaces/${view}`), host.path(`/proc/${process}/ns/mnt`));
    }
    symlinkSync("/", host.path("/proc/70/root"));
    expect(host.call("check_supervisor").lines).toEqual([]);
    rmSync(host.path("/proc/70/root"));
    mkdirSync(host.path("/proc/70/root"));
    mkdirSync(host.path("/data/logs"), { recursive: true });
    const top = `/${host.root.split("/")[1]}`;
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        `supervisor: supervisord, and with it etcd, cannot write to /data/etcd /data/logs, although root can: its systemd unit takes that away; to do: create what is missing of ${top}, allow it in the unit (systemctl edit supervisor.service: ReadWritePaths=${top}), and restart supervisord`,
      ),
    ]);
  });

  test("a supervisord that runs but does not answer is refused with its message", () => {
    const host = newHost();
    installSupervisor(host);
    host.write("/proc/70/comm", "supervisord\n");
    host.write("/proc/70/status", OWN_STATUS);
    host.write("/proc/70/cmdline", `/usr/bin/python3\0/usr/bin/supervisord\0-n\0-c\0${host.path(CONF)}\0`);
    host.stub("supervisorctl", "echo 'Server requires authentication'; exit 2");
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        `supervisor: supervisord runs with the configuration ${CONF} and does not answer: Server requires authentication; to do: make 'supervisorctl -c ${CONF} pid' work: in ${CONF}, [supervisorctl] must have the serverurl of supervisord's server, and its username and password if it has them; if supervisord hangs, or something that cleans up has deleted its socket, 'systemctl restart supervisor.service' restarts it and all of its programs: on one host at a time`,
      ),
    ]);
  });

  test("two supervisords are refused unless it is known which one is meant", () => {
    const host = newHost();
    installSupervisor(host);
    for (const [pid, conf] of [
      ["70", "/srv/a.conf"],
      ["71", "/srv/b.conf"],
    ]) {
      host.write(`/proc/${pid}/comm`, "supervisord\n");
      host.write(`/proc/${pid}/status`, OWN_STATUS);
      host.write(`/proc/${pid}/cmdline`, `python3\0/usr/bin/supervisord\0-c\0${conf}\0`);
    }
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        "supervisor: several supervisord processes run as root, and it is unclear which one to use: process 70 (/srv/a.conf) process 71 (/srv/b.conf); to do: let exactly one supervisord run as root, or start the one to use with /etc/supervisord.conf or /etc/supervisor/supervisord.conf as its configuration",
      ),
    ]);
    host.write("/proc/71/cmdline", "python3\0/usr/bin/supervisord\0");
    expect(host.call("check_supervisor; supervisor_conf").lines).toEqual([CONF]);
  });

  test("a configuration that includes no directory for programs is refused", () => {
    const host = supervisorHost();
    host.write(CONF, "[supervisord]\n[include]\nfiles = nowhere/*.conf\n");
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        `supervisor: ${CONF} includes no existing directory for programs ([include] files: /etc/supervisor/nowhere/*.conf); to do: add one, e.g. [include] files = /etc/supervisor/conf.d/*.ini, and create that directory`,
      ),
    ]);
  });

  test.each([
    [
      "etcd-server.ini",
      "[program:b]\n",
      "/etc/supervisor/conf.d/etcd-server.ini belongs to the program 'b'; to do: remove that program, or set paths.supervisorProgramFile",
    ],
    [
      "etcd-server.conf",
      "[program:b]\n",
      "/etc/supervisor/conf.d/etcd-server.conf was not made by this package; to do: remove that program, or set paths.supervisorProgramFile",
    ],
    [
      "x.conf",
      "; mine\n[program:z]\n[program: a ] ; of long ago\n",
      "/etc/supervisor/conf.d/x.conf already defines the program 'a'; to do: remove it, or give the member another name",
    ],
    [
      "x.conf",
      "[group:a]\nprograms=x\n",
      "/etc/supervisor/conf.d/x.conf already defines the group 'a'; to do: remove it, or give the member another name",
    ],
    [
      "x.conf",
      "[eventlistener:a]\n",
      "/etc/supervisor/conf.d/x.conf already defines the eventlistener 'a'; to do: remove it, or give the member another name",
    ],
    [
      "x.conf",
      "[group:all]\nprograms = x, a\n",
      "/etc/supervisor/conf.d/x.conf puts the program 'a' into a group, which would change its name; to do: remove it from that group",
    ],
  ])("a foreign %s that conflicts with the member's program is refused: %j", (file, text, reason) => {
    const host = supervisorHost();
    host.write(`/etc/supervisor/conf.d/${file}`, text);
    expect(host.call("check_supervisor").lines).toEqual([refused(`supervisor program: ${reason}`)]);
  });

  test("programs with similar names and the member's own program are accepted", () => {
    const host = newHost();
    runningHost(host);
    host.write("/etc/supervisor/conf.d/x.conf", "[program:aa]\n[group:g]\nprograms=aa,b-a\n;[program:a]\n");
    expect(host.call("check_supervisor").lines).toEqual([]);
  });
});
