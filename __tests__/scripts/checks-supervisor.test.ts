import { breakNeighbour, installNeighbour, installSupervisor, supervisorChanges } from "../support/fake-supervisor";
import { runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const refused = (text: string) => `a on host-a: test refused: ${text}`;
const CONF = "/etc/supervisor/supervisord.conf";

inEachShell((newHost) => {
  const supervisorHost = (...options: Parameters<typeof newHost>) => {
    const host = newHost(...options);
    installSupervisor(host);
    return host;
  };

  test("supervisor must be there, or a package manager that can bring it", () => {
    expect(newHost().call("check_supervisor").lines).toEqual([
      refused(
        "supervisor: it is not installed, and there is no apt-get, dnf, yum or zypper; to do: install supervisor",
      ),
    ]);
    const host = newHost();
    host.stub("zypper", "exit 1");
    expect(host.call("check_supervisor").lines).toEqual([]);
  });

  test("a program of another that supervisord rejects is named, and nothing is applied; a pending edit is nobody's business", () => {
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

  test("the member's own program, whose log directory somebody deleted, is no reason: a deploy makes it anew", () => {
    const host = newHost();
    runningHost(host);
    host.call('rm -r "$LOG_DIR"');
    expect(host.call("check_supervisor").lines).toEqual([]);
  });

  test("a supervisord that runs and does not answer is refused with its words", () => {
    const host = newHost();
    installSupervisor(host);
    host.write("/proc/70/comm", "supervisord\n");
    host.write("/proc/70/cmdline", `/usr/bin/python3\0/usr/bin/supervisord\0-n\0-c\0${host.path(CONF)}\0`);
    host.stub("supervisorctl", "echo 'Server requires authentication'; exit 2");
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        `supervisor: supervisord runs by ${CONF} and does not answer: Server requires authentication; to do: make 'supervisorctl -c ${CONF} pid' answer: in ${CONF}, [supervisorctl] needs the serverurl of supervisord's server, and its username and password where that has them; if it hangs, systemctl restart supervisor restarts it and all of its programs`,
      ),
    ]);
  });

  test("of two supervisords it must be known which one is meant", () => {
    const host = newHost();
    installSupervisor(host);
    for (const [pid, conf] of [
      ["70", "/srv/a.conf"],
      ["71", "/srv/b.conf"],
    ]) {
      host.write(`/proc/${pid}/comm`, "supervisord\n");
      host.write(`/proc/${pid}/cmdline`, `python3\0/usr/bin/supervisord\0-c\0${conf}\0`);
    }
    expect(host.call("check_supervisor").lines).toEqual([
      refused(
        "supervisor: several supervisords run as root, and it is not known which one is meant: process 70 by /srv/a.conf process 71 by /srv/b.conf; to do: stop the one that is not meant, or start it by /etc/supervisord.conf or /etc/supervisor/supervisord.conf",
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
        `supervisor: ${CONF} includes no existing directory for programs ([include] files: /etc/supervisor/nowhere/*.conf ); to do: let it include one, e.g. [include] files = /etc/supervisor/conf.d/*.ini, and make that directory`,
      ),
    ]);
  });

  test.each([
    [
      "etcd-server.ini",
      "[program:b]\n",
      "/etc/supervisor/conf.d/etcd-server.ini is of the program 'b'; to do: remove that program, or set paths.supervisorProgramFile",
    ],
    [
      "etcd-server.conf",
      "[program:b]\n",
      "/etc/supervisor/conf.d/etcd-server.conf is not of this package; to do: remove that program, or set paths.supervisorProgramFile",
    ],
    [
      "x.conf",
      "; mine\n[program:z]\n[program: a ] ; of long ago\n",
      "a program 'a' is registered in /etc/supervisor/conf.d/x.conf already; to do: remove it, or name the member otherwise",
    ],
    [
      "x.conf",
      "[group:a]\nprograms=x\n",
      "a group 'a' is registered in /etc/supervisor/conf.d/x.conf already; to do: remove it, or name the member otherwise",
    ],
    [
      "x.conf",
      "[eventlistener:a]\n",
      "a eventlistener 'a' is registered in /etc/supervisor/conf.d/x.conf already; to do: remove it, or name the member otherwise",
    ],
    [
      "x.conf",
      "[group:all]\nprograms = x, a\n",
      "/etc/supervisor/conf.d/x.conf takes the program 'a' into a group, where its name would be another one; to do: take it out of that group",
    ],
  ])("%s of others: %j", (file, text, reason) => {
    const host = supervisorHost();
    host.write(`/etc/supervisor/conf.d/${file}`, text);
    expect(host.call("check_supervisor").lines).toEqual([refused(`supervisor program: ${reason}`)]);
  });

  test("names that only look like the member's, and its own program, are no others", () => {
    const host = newHost();
    runningHost(host);
    host.write("/etc/supervisor/conf.d/x.conf", "[program:aa]\n[group:g]\nprograms=aa,b-a\n;[program:a]\n");
    expect(host.call("check_supervisor").lines).toEqual([]);
  });
});
