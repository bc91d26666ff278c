import { createServer } from "node:net";
import { installBinaries, listenOn } from "../support/fake-etcd";
import { installSupervisor, installSupervisorFiles } from "../support/fake-supervisor";
import type { Host } from "../support/host";
import { runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";
import { base64 } from "../support/test-pki";

const CA = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n";

/** What a provisioner tells beside the facts. */
const data = (offsetSeconds = 0) => ({
  CA_PEM_BASE64: base64(CA),
  AUTHORITY_PEM_BASE64: base64(CA),
  OPERATOR_TIME: new Date(Date.now() - offsetSeconds * 1000).toISOString().replace(/\.\d+/, ""),
});

const refused = (text: string) => `a on host-a: test refused: ${text}`;

/** A directory of data as etcd leaves it, and the mark that it is this member's. */
function withData(host: Host, mark = host.member.peerUrl): void {
  host.write("/data/etcd/member/wal/0.wal", "");
  host.call('put_directory "$DATA_DIR" 700');
  host.write("/var/lib/cdktf-etcd/a/started", `${mark}\n`);
}

/** A df that knows of so many free megabytes. */
const df = (megabytes: number) =>
  `printf 'Filesystem 1048576-blocks Used Available Capacity Mounted on\\n/dev/sda1 1000 900 ${megabytes} 90%% /\\n'; for last; do :; done; echo "$last" >>"$CALLS"`;

/** An ss that prints this listener. */
const ss = (local: string) => `echo 'LISTEN 0 4096 ${local} *:* users:(("other",pid=7,fd=3))'`;

let own: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  own = await listenOn("127.0.0.1");
});
afterAll(() => own.close());

inEachShell((newHost) => {
  test("a good host gives no line", () => {
    const host = newHost();
    installSupervisor(host);
    expect(host.call("all_checks", data())).toEqual({ code: 0, lines: [] });
  });

  test("a host on which the member runs already gives no line", () => {
    const host = newHost();
    runningHost(host);
    host.write("/opt/etcd/certs/ca.pem", CA);
    expect(host.call("all_checks", data())).toEqual({ code: 0, lines: [] });
  });

  test("every refusal is said at once, and the phase ends with 3", () => {
    const host = newHost();
    host.write("/data/etcd/file", "");
    expect(host.phase("preflight", data(3600))).toEqual({
      code: 3,
      lines: [
        "a on host-a: preflight refused: supervisor: it is not installed, and there is no apt-get, dnf or yum; to do: install supervisor",
        expect.stringMatching(/^a on host-a: preflight refused: clock: it differs/),
        "a on host-a: preflight refused: data directory: /data/etcd is not empty and is no data of etcd; to do: move it away, or set paths.dataDir",
      ],
    });
  });

  test("a preflight that finds nothing says so, and changes nothing", () => {
    const host = newHost();
    installSupervisor(host);
    const before = host.list("/");
    expect(host.phase("preflight", data())).toEqual({
      code: 0,
      lines: ["a on host-a: preflight: ready for etcd 3.6.14"],
    });
    expect(host.list("/")).toEqual(before);
    expect([host.list("/opt"), host.list("/run"), host.list("/var/lib"), host.list("/home")]).toEqual([[], [], [], []]);
  });

  describe("operating system and architecture", () => {
    const uname = (system: string, machine: string) => `case $1 in -s) echo ${system} ;; -m) echo ${machine} ;; esac`;

    test.each(["x86_64", "aarch64"])("Linux on %s is good", (machine) => {
      const host = newHost();
      host.stub("uname", uname("Linux", machine));
      expect(host.call("check_architecture").lines).toEqual([]);
    });

    test("another system is refused", () => {
      const host = newHost();
      host.stub("uname", uname("FreeBSD", "x86_64"));
      expect(host.call("check_architecture").lines).toEqual([
        refused("operating system: FreeBSD is not Linux; to do: use a Linux host"),
      ]);
    });

    test("an architecture without an archive is refused", () => {
      const host = newHost();
      host.stub("uname", uname("Linux", "riscv64"));
      expect(host.call("check_architecture").lines).toEqual([
        refused(
          "architecture: no sha256 is known for the archive of etcd 3.6.14 for riscv64; to do: give the digest of that archive with the release",
        ),
      ]);
    });
  });

  describe("tools", () => {
    test("every one that is missing is named", () => {
      const host = newHost({ without: ["find", "flock", "ss"] });
      installSupervisor(host);
      expect(host.call("check_tools").lines).toEqual([
        refused(
          "tools: not on this host: find flock ss; to do: install them (packages coreutils, iproute2, util-linux, …)",
        ),
      ]);
    });

    test("supervisor must be there, or a package manager that can bring it", () => {
      expect(newHost().call("check_tools").lines).toEqual([
        refused("supervisor: it is not installed, and there is no apt-get, dnf or yum; to do: install supervisor"),
      ]);
      const host = newHost();
      host.stub("yum", "exit 1");
      expect(host.call("check_tools").lines).toEqual([]);
    });
  });

  describe("free disk", () => {
    test("binaries and data each need their room", () => {
      const host = newHost();
      host.stub("df", df(299));
      expect(host.call("check_disk").lines).toEqual([
        refused("free disk: 299 MB free for /opt, 300 MB are needed; to do: make room, or set paths.installRoot"),
        refused("free disk: 299 MB free for /data/etcd, 512 MB are needed; to do: make room, or set paths.dataDir"),
      ]);
      host.stub("df", df(300));
      expect(host.call("check_disk").lines).toEqual([
        refused("free disk: 300 MB free for /data/etcd, 512 MB are needed; to do: make room, or set paths.dataDir"),
      ]);
      host.stub("df", df(512));
      expect(host.call("check_disk").lines).toEqual([]);
    });

    test("what is installed and has data needs no further room", () => {
      const host = newHost();
      installBinaries(host);
      withData(host);
      host.stub("df", df(0));
      expect(host.call("check_disk").lines).toEqual([]);
    });

    test("the file system is that of the directory which is there", () => {
      const host = newHost();
      host.stub("df", df(9999));
      host.call(`free_mb "${host.path("/home/not/there")}"; free_mb "${host.path("/opt")}"`);
      expect(host.calls("df")).toEqual([host.path("/home"), host.path("/opt")]);
    });
  });

  describe("ports", () => {
    test("a port that somebody listens on is refused, with who it is", async () => {
      const server = createServer();
      const port = await new Promise<number>((resolve) =>
        server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
      );
      try {
        const run = newHost().call(`check_port peer ${port}`);
        expect(run.code).toBe(0);
        expect(run.lines).toEqual([
          expect.stringMatching(
            `^a on host-a: test refused: peer port: port ${port} is taken on 127\\.0\\.0\\.1:${port} by (users:\\(\\(".*",pid=${process.pid},fd=\\d+\\)\\)|another process); to do: stop that program, or set ports\\.peer$`,
          ),
        ]);
      } finally {
        server.close();
      }
    });

    test.each(["10.4.7.12:2379", "0.0.0.0:2379", "*:2379", "[::]:2379", "10.4.7.12%eth0:2379"])(
      "a listener on %s is in the way of 10.4.7.12",
      (local) => {
        const host = newHost();
        host.stub("ss", ss(local));
        expect(host.call("check_port client 2379", { ADDRESS: "10.4.7.12" }).lines).toEqual([
          refused(
            `client port: port 2379 is taken on ${local} by users:(("other",pid=7,fd=3)); to do: stop that program, or set ports.client`,
          ),
        ]);
      },
    );

    test.each(["10.4.7.120:2379", "10.4.7.1:2379", "127.0.0.1:2379", "[::1]:2379", "[fe80::1]%eth0:2379"])(
      "a listener on %s is not",
      (local) => {
        const host = newHost();
        host.stub("ss", ss(local));
        expect(host.call("check_port client 2379", { ADDRESS: "10.4.7.12" }).lines).toEqual([]);
      },
    );

    test("a listener on an IPv6 address is in the way of that address", () => {
      const host = newHost();
      host.stub("ss", ss("[fd00::12]:2379"));
      expect(host.call("check_port client 2379", { ADDRESS: "fd00::12" }).lines).toHaveLength(1);
      expect(host.call("check_port client 2379", { ADDRESS: "fd00::1" }).lines).toEqual([]);
    });

    test("a loopback listener is in the way of a member that listens there too", () => {
      const host = newHost({ props: { insecureLoopbackClientUrl: true } });
      host.stub("ss", ss("127.0.0.1:2379"));
      expect(host.call("check_port client 2379", { ADDRESS: "10.4.7.12" }).lines).toHaveLength(1);
    });

    test("the member's own etcd is in nobody's way", () => {
      const host = newHost();
      runningHost(host);
      const pid = host.read("/run/etcd.pid").trim();
      host.stub("ss", ss("127.0.0.1:2379").replace("pid=7", `pid=${pid}`));
      expect(host.call("check_port client 2379").lines).toEqual([]);
      // Nor is it while the program says other data: that is refused by what it is, not by its port.
      expect(host.call("DATA_DIR=/elsewhere; check_port client 2379").lines).toEqual([]);
      expect(host.call("MEMBER=b; check_port client 2379").lines).toHaveLength(1);
      // Another process whose id only starts the same.
      host.stub("ss", ss("127.0.0.1:2379").replace("pid=7", `pid=${pid}0`));
      expect(host.call("check_port client 2379").lines).toHaveLength(1);
    });
  });

  describe("address", () => {
    test("an address of one of the interfaces is good", () => {
      expect(newHost().call("check_address", { ADDRESS: "127.0.0.1" }).lines).toEqual([]);
    });

    test("any other is refused, with those that the host has", () => {
      const host = newHost();
      host.stub(
        "ip",
        `case "$*" in *global*) printf '2: eth0    inet 10.4.7.12/24 brd 10.4.7.255 scope global eth0\\n3: eth1    inet6 fd00::12/64 scope global \\n' ;; esac`,
      );
      expect(host.call("check_address", { ADDRESS: "10.4.7.99" }).lines).toEqual([
        refused(
          "address: 10.4.7.99 is on none of this host's interfaces (10.4.7.12 fd00::12); to do: set the member's address to one of them; behind NAT, etcd's peers must reach the address itself",
        ),
      ]);
    });
  });

  describe("clock", () => {
    test.each([0, 55, -55])("one that is %s s off is good", (seconds) => {
      expect(newHost().call("check_clock", data(seconds)).lines).toEqual([]);
    });

    test.each([600, -600])("one that is %s s off is refused", (seconds) => {
      expect(newHost().call("check_clock", data(seconds)).lines).toEqual([
        expect.stringMatching(
          /^a on host-a: test refused: clock: it differs from the operator's by (599|600|601|602) s, limit 60 s; to do: set the time on both \(chrony, systemd-timesyncd\)$/,
        ),
      ]);
    });
  });

  describe("another etcd", () => {
    const unit = (state: string) =>
      `case "$*" in list-unit-files*) echo 'etcd.service disabled enabled' ;; *${state}*) exit 0 ;; *) exit 1 ;; esac`;

    test.each(["is-enabled", "is-active"])("a systemd unit that %s is refused", (state) => {
      const host = newHost();
      host.stub("systemctl", unit(state));
      expect(host.call("check_other_etcd").lines).toEqual([
        refused(
          "other etcd: the systemd unit etcd.service is enabled or active on this host; to do: systemctl disable --now etcd.service, or use another host",
        ),
      ]);
    });

    test("a unit that is neither may stay", () => {
      const host = newHost();
      host.stub("systemctl", unit("never"));
      expect(host.call("check_other_etcd").lines).toEqual([]);
    });

    test.each(["--data-dir=%", "--data-dir %"])("a process that runs with %s is refused", (argument) => {
      const host = newHost();
      host.write("/srv/etcd", `#!/bin/sh\nread -r _ <'${host.path("/srv/never")}'\n`, 0o755);
      const run = host.call(`
        mkfifo "${host.path("/srv/never")}"
        "${host.path("/srv/etcd")}" --name=other ${argument.replace("%", '"$DATA_DIR"')} </dev/null >/dev/null 2>&1 &
        ln -s /proc/$! "${host.path("/proc")}/$!"
        is_etcd() { [ "$(cat "/proc/$1/comm")" = etcd ]; }
        wait_until 5 is_etcd $!
        check_other_etcd; kill $!`);
      expect(run.lines).toEqual([
        expect.stringMatching(
          /^a on host-a: test refused: other etcd: process \d+ is an etcd on \/data\/etcd that this package did not start; to do: stop it, or set paths\.dataDir$/,
        ),
      ]);
    });

    test("the member's own process and program are no others", () => {
      const host = newHost();
      runningHost(host);
      expect(host.call("check_other_etcd").lines).toEqual([]);
    });

    test("a supervisor file of ours that holds another program is refused", () => {
      const host = newHost();
      installSupervisorFiles(host, "rhel");
      host.write("/etc/supervisord.d/etcd-server.ini", "[program:b]\ncommand=/bin/true\n");
      expect(host.call("check_other_etcd").lines).toEqual([
        refused(
          "supervisor program: /etc/supervisord.d/etcd-server.ini is of the program 'b'; to do: remove that program, or set paths.supervisorIni",
        ),
      ]);
    });

    test("a program of the member's name in another file is refused", () => {
      const host = newHost();
      installSupervisorFiles(host, "debian");
      host.write("/etc/supervisor/conf.d/by-hand.conf", "; mine\n[program:a]\ncommand=/bin/true\n");
      host.write("/etc/supervisor/conf.d/unlike.conf", "[program:aa]\ncommand=/bin/true\n");
      expect(host.call("check_other_etcd").lines).toEqual([
        refused(
          "supervisor program: a program 'a' is registered in /etc/supervisor/conf.d/by-hand.conf already; to do: remove it, or name the member otherwise",
        ),
      ]);
    });
  });

  describe("what lies there already", () => {
    test("an installation that is no link of ours is refused", () => {
      const host = newHost();
      host.write("/opt/etcd/etcd", "");
      expect(host.call("check_data").lines).toEqual([
        refused("installation: /opt/etcd is not a link; to do: move it away, or set paths.installRoot"),
      ]);
    });

    test("an empty data directory is good", () => {
      const host = newHost();
      host.write("/data/etcd/x", "");
      host.call('rm "$DATA_DIR/x"');
      expect(host.call("check_data").lines).toEqual([]);
    });

    test("a data directory with something else in it is refused", () => {
      const host = newHost();
      host.write("/data/etcd/lost+found/x", "");
      expect(host.call("check_data").lines).toEqual([
        refused(
          "data directory: /data/etcd is not empty and is no data of etcd; to do: move it away, or set paths.dataDir",
        ),
      ]);
    });

    test("what a first start left that was killed before its write-ahead log is good: rollout moves it aside", () => {
      const host = newHost();
      host.write("/data/etcd/member/snap/db.tmp", "half");
      expect(host.call("check_data").lines).toEqual([]);
      host.write("/data/etcd/other", "");
      expect(host.call("check_data").lines).toHaveLength(1);
    });

    test("data of an etcd that somebody else made is refused", () => {
      const host = newHost();
      host.write("/data/etcd/member/wal/0.wal", "");
      expect(host.call("check_data").lines).toEqual([
        refused(
          "data directory: /data/etcd holds the data of an etcd that this package did not make; to do: move it away, or set paths.dataDir",
        ),
      ]);
    });

    test("data of a member with another peer URL is refused", () => {
      const host = newHost();
      withData(host, "https://10.4.7.99:2380");
      expect(host.call("check_data").lines).toEqual([
        refused(
          "data directory: /data/etcd belongs to the member with peer URL https://10.4.7.99:2380, not https://127.0.0.1:2380: that is what its cluster knows it by; to do: set the member's address and ports.peer back; or, if these data are no longer needed, move them away",
        ),
      ]);
    });

    test("the member's own data are good", () => {
      const host = newHost();
      withData(host);
      expect(host.call("check_data").lines).toEqual([]);
    });
  });

  describe("certificate authority", () => {
    const THEIRS = CA.replace("ours", "theirs");
    const LOST =
      "certificate authority: the running member does not trust the CA of the new certificates (/opt/etcd/certs/ca.pem has another); a lost Terraform state makes a new one; to do: restore the state, or import the old CA (CertificateAuthority.fromPem); for a new CA on purpose see docs/certificates.md";
    const check = (host: Host, bundle: string, authority: string) =>
      host.call("check_ca", { CA_PEM_BASE64: base64(bundle), AUTHORITY_PEM_BASE64: base64(authority) }).lines;

    test("a running member that does not trust the CA that signs now is left alone", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", THEIRS);
      expect(check(host, CA, CA)).toEqual([refused(LOST)]);
      // Not even when the new bundle trusts both: what runs has read its CAs at its start.
      expect(check(host, CA + THEIRS, CA)).toEqual([refused(LOST)]);
      host.write("/opt/etcd/certs/ca.pem", CA);
      expect(check(host, CA, CA)).toEqual([]);
    });

    test("a bundle may grow, be signed by its other CA, and shrink, one deploy after the other", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", THEIRS);
      expect(check(host, THEIRS + CA, THEIRS)).toEqual([]);
      host.write("/opt/etcd/certs/ca.pem", THEIRS + CA);
      expect(check(host, CA + THEIRS, CA)).toEqual([]);
      expect(check(host, CA, CA)).toEqual([]);
    });

    test("line breaks do not make another CA", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", CA.replace(/\n/g, "\r\n"));
      expect(check(host, CA.trim(), CA.trim())).toEqual([]);
    });

    test("the CAs of a member whose last change is not finished stay as they are", () => {
      const host = newHost();
      runningHost(host);
      host.write("/opt/etcd/certs/ca.pem", CA);
      host.write("/var/lib/cdktf-etcd/a/restart-pending", "");
      expect(check(host, CA, CA)).toEqual([]);
      expect(check(host, CA + THEIRS, CA)).toEqual([
        refused(
          "certificate authority: the last change of this member is not finished: it has not been restarted yet; to do: set certificates back, deploy, and change the CA then",
        ),
      ]);
    });

    test("a member that does not run may get a new CA", () => {
      const host = newHost();
      installBinaries(host);
      host.write("/opt/etcd/certs/ca.pem", "another");
      expect(host.call("check_ca", data()).lines).toEqual([]);
    });
  });

  testAsRoot("data of another user's are refused: etcd would lose them", () => {
    const host = newHost();
    withData(host);
    expect(host.call("check_user").lines).toEqual([]);
    host.call('chown root "$DATA_DIR"');
    expect(host.call("check_user").lines).toEqual([
      refused(
        "user: /data/etcd belongs to root; another user cannot be given to a member that has data; to do: set user back to root",
      ),
    ]);
  });

  test("a user for a member without data may be any", () => {
    expect(newHost().call("ETCD_USER=somebody; check_user").lines).toEqual([]);
  });

  describe("where a running member lies and listens", () => {
    test.each([
      [
        "DATA_DIR=/elsewhere",
        "changed data-dir: the running member has /data/etcd, the program says /elsewhere; data are not moved from one directory to another under a member; to do: set paths.dataDir back; to move, take the member out of the program, deploy, and add it again with the new directory",
      ],
      [
        "PEER_URL=https://127.0.0.1:2390",
        "changed initial-advertise-peer-urls: the running member has https://127.0.0.1:2380, the program says https://127.0.0.1:2390; the peer URL is what the cluster knows the member by; to do: set address and ports.peer back; to move, take the member out of the program, deploy, and add it again",
      ],
    ])("cannot be changed by %s", (change, why) => {
      const host = newHost();
      runningHost(host);
      expect(host.call("check_shape").lines).toEqual([]);
      expect(host.call(`${change}; check_shape`).lines).toEqual([refused(why)]);
    });

    test("may be another client port: that is a restart", () => {
      const host = newHost();
      runningHost(host);
      expect(host.call("CLIENT_URL=https://127.0.0.1:2479; check_shape").lines).toEqual([]);
    });

    test("is nobody's concern when another member runs, or none", () => {
      const host = newHost();
      runningHost(host);
      expect(host.call("MEMBER=b; PEER_URL=https://127.0.0.2:2380; check_shape").lines).toEqual([]);
    });
  });

  describe("members", () => {
    const clusterHost = () => newHost({ props: { ports: { client: own.port } } });

    test("are good when the cluster has those that the program names", () => {
      const host = clusterHost();
      runningHost(host);
      expect(host.call("check_members")).toEqual({ code: 0, lines: [] });
    });

    test.each([
      ["come", ["a", "b"]],
      ["go", ["a", "b", "c", "d"]],
    ])("may %s while all that stay are healthy, and not otherwise", (_, members) => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members(...members);
      cluster.healthy("d");
      expect(host.call("check_members").lines).toEqual([]);
      cluster.unhealthy("b");
      expect(host.call("check_members").lines).toEqual([
        refused(
          "membership: b (https://127.0.0.2:2380) is not healthy, and members are added and removed only while all that stay are; to do: bring it back, or take it out of the program too",
        ),
      ]);
    });

    test("that leave may be dead", () => {
      const host = clusterHost();
      runningHost(host).members("a", "b", "c", "d");
      expect(host.call("check_members").lines).toEqual([]);
    });

    test("are said by the first healthy one of those that stay, once for all hosts", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members("a", "b", "c", "d");
      cluster.unhealthy("c");
      const as = (name: string) =>
        host.call("check_members", { PEER_URL: host.cluster.members["abc".indexOf(name)].peerUrl }).lines.length;
      expect(["a", "b"].map(as)).toEqual([1, 0]);
    });

    test("that are not healthy are nobody's concern while none comes or goes", () => {
      const host = clusterHost();
      runningHost(host).unhealthy("b");
      expect(host.call("check_members").lines).toEqual([]);
    });

    test("are not compared where no etcd runs, or where it has no quorum", () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      cluster.members(["1", "started", "a"]);
      cluster.unhealthy("a");
      expect(host.call("check_members").lines).toEqual([]);
      expect(clusterHost().call("check_members").lines).toEqual([]);
    });
  });

  describe("authentication", () => {
    const clusterHost = () => newHost({ props: { ports: { client: own.port } } });

    test("that lets the member's certificate administer the cluster is good", () => {
      const host = clusterHost();
      runningHost(host);
      expect(host.call("check_authentication").lines).toEqual([]);
    });

    test("that does not is refused, with what to do", () => {
      const host = clusterHost();
      runningHost(host).on("alarm list", 'fail "etcdserver: permission denied"');
      expect(host.call("check_authentication").lines).toEqual([
        refused(
          "authentication: it is on, and the user of the member's certificate may not administer the cluster: Error: etcdserver: permission denied; to do: etcdctl user add NAME --no-password; etcdctl user grant-role NAME root; NAME is certificates.commonName (default k8s-etcd)",
        ),
      ]);
    });

    test("is not asked of an etcd that does not answer, or not run", () => {
      const host = clusterHost();
      runningHost(host).on("alarm list", 'fail "context deadline exceeded"');
      expect(host.call("check_authentication").lines).toEqual([]);
      expect(clusterHost().call("check_authentication").lines).toEqual([]);
    });

    test("is not what a TLS handshake fails by", () => {
      const host = clusterHost();
      runningHost(host).on(
        "alarm list",
        'fail "rpc error: code = Unavailable desc = connection error: desc = transport: authentication handshake failed: x509: certificate has expired"',
      );
      expect(host.call("check_authentication").lines).toEqual([]);
    });
  });
});
