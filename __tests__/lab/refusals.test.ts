import { fingerprint } from "./support/cluster";
import { Lab } from "./support/lab";
import { type ProgramProps, Project } from "./support/project";

/** One refusal of preflight: what is wrong on a host (`NUMBER` is the host's number), the props, and the message. */
interface Refusal {
  readonly what: string;
  readonly given: string;
  readonly undo: string;
  /** A refusal with props, or with `alone`, has a deploy of its own, in which only the last host is at fault. */
  readonly props?: ProgramProps;
  readonly alone?: true;
  readonly says: RegExp;
}

const RUNBOOK = [
  { name: "etcd-server-7-12", address: "10.4.7.12", hostName: "hdss7-12" },
  { name: "etcd-server-7-21", address: "10.4.7.21", hostName: "hdss7-21" },
];

const RESTART_SUPERVISOR = "systemctl restart supervisor; until supervisorctl pid >/dev/null 2>&1; do sleep 0.1; done";

const REFUSALS: Refusal[] = [
  {
    what: "an architecture without a known digest",
    given:
      "mv /usr/bin/uname /usr/bin/uname.away; printf '#!/bin/sh\\ncase $1 in -m) echo riscv64 ;; *) /usr/bin/uname.away \"$@\" ;; esac\\n' >/usr/bin/uname; chmod 755 /usr/bin/uname",
    undo: "mv /usr/bin/uname.away /usr/bin/uname",
    says: /architecture: no sha256 is known for the archive of etcd 3\.6\.14 for riscv64/,
  },
  {
    what: "a missing tool",
    given: "mv /usr/bin/gzip /usr/bin/gzip.away",
    undo: "mv /usr/bin/gzip.away /usr/bin/gzip",
    says: /tools: not on this host: gzip/,
  },
  {
    what: "too little free disk",
    given: "mkdir /small; mount -t tmpfs -o mode=755,size=100m tmpfs /small",
    undo: "umount /small; rmdir /small",
    props: { paths: { dataDir: "/small/etcd" } },
    says: /free disk: 100 MB free for \/small\/etcd, 512 MB are needed; to do: make room, or set paths\.dataDir/,
  },
  {
    what: "a client port that is in use",
    given:
      "systemd-run -q --unit=squatter python3 -m http.server --bind 0.0.0.0 2379; until ss -Hltn | grep -q :2379; do sleep 0.1; done",
    undo: "systemctl stop squatter",
    says: /client port: port 2379 is taken on 0\.0\.0\.0:2379 by users:\(\("python3"/,
  },
  {
    what: "a full disk under the installation root",
    given: "mount -t tmpfs -o mode=755,size=350m tmpfs /opt; head -c 340M /dev/zero >/opt/full",
    undo: "umount /opt",
    says: /free disk: \d+ MB free for \/opt, 300 MB are needed/,
  },
  {
    what: "a file system without free inodes",
    given: "mkdir -p /data; mount -t tmpfs -o mode=755,size=1g,nr_inodes=100 tmpfs /data",
    undo: "umount /data; rmdir /data",
    says: /free disk: \d+ inodes free for \/data\/etcd\/etcd-server, 200 are needed/,
    props: { paths: { logDir: "/var/log/etcd" } },
  },
  {
    what: "a read-only file system",
    given: "mount -t tmpfs -o mode=755,size=900m,ro tmpfs /opt",
    undo: "umount /opt",
    says: /read-only: nothing can be written to \/opt: its file system is mounted read-only/,
  },
  {
    what: "an installation root on a file system that is mounted noexec",
    given: "mount -t tmpfs -o mode=755,size=900m,noexec tmpfs /opt",
    undo: "umount /opt",
    says: /noexec: the file system of \/opt is mounted noexec/,
  },
  {
    what: "a metrics port that is in use on loopback",
    given:
      "systemd-run -q --unit=squatter python3 -m http.server --bind 127.0.0.1 2381; until ss -Hltn | grep -q :2381; do sleep 0.1; done",
    undo: "systemctl stop squatter",
    props: { listenMetricsUrls: ["http://127.0.0.1:2381"] },
    says: /metrics port: port 2381 is taken on 127\.0\.0\.1:2381 by users:\(\("python3"/,
  },
  {
    what: "a source address that is not in the member's certificate",
    alone: true,
    given: "ip address add 10.4.7.222/24 dev host0; ip route add 10.4.7.12/32 dev host0 src 10.4.7.222",
    undo: "ip route del 10.4.7.12/32; ip address del 10.4.7.222/24 dev host0",
    says: /source address: this host sends to 10\.4\.7\.12 from 10\.4\.7\.222, which is not in the member's certificate/,
  },
  {
    what: "a missing openssl",
    given: "mv /usr/bin/openssl /usr/bin/openssl.away",
    undo: "mv /usr/bin/openssl.away /usr/bin/openssl",
    says: /tools: not on this host: openssl/,
  },
  {
    what: "a clock that is an hour ahead",
    given:
      "mv /usr/bin/date /usr/bin/date.away; printf '#!/bin/sh\\ncase $* in +%%s) echo $(($(/usr/bin/date.away +%%s) + 3600)) ;; *) exec /usr/bin/date.away \"$@\" ;; esac\\n' >/usr/bin/date; chmod 755 /usr/bin/date",
    undo: "mv /usr/bin/date.away /usr/bin/date",
    says: /clock: this host's clock is at least 35\d\d s ahead of the operator's; the limit is 60 s/,
  },
  {
    what: "an address that no interface has",
    given: "true",
    undo: "true",
    props: {
      members: [
        ...RUNBOOK,
        { name: "etcd-server-7-22", address: "10.4.7.99", hostName: "hdss7-22", ssh: { host: "10.4.7.22" } },
      ],
    },
    says: /address: 10\.4\.7\.99 is on none of this host's interfaces \(10\.4\.7\.22\)/,
  },
  {
    what: "an enabled systemd unit of another etcd",
    given:
      "cp /bin/true /usr/local/bin/etcd; printf '[Service]\\nExecStart=/bin/bash -c \"A=1 /usr/local/bin/etcd\"\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/k8s-store.service; systemctl -q enable k8s-store",
    undo: "systemctl -q disable k8s-store; rm /etc/systemd/system/k8s-store.service /usr/local/bin/etcd; systemctl daemon-reload",
    says: /other etcd: the systemd unit k8s-store\.service, which is enabled or active on this host, runs \/usr\/local\/bin\/etcd/,
  },
  {
    what: "an enabled mount unit that is not mounted",
    given:
      "printf '[Mount]\\nWhat=/dev/disk\\nWhere=/data\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/data.mount; systemctl -q enable data.mount",
    undo: "systemctl -q disable data.mount; rm /etc/systemd/system/data.mount; systemctl daemon-reload",
    says: /data directory: \/data should be mounted by data\.mount but is not/,
  },
  {
    what: "another etcd on the data directory",
    given:
      "cp $(readlink -f /usr/bin/python3) /root/etcd; setsid /root/etcd -c 'import time; time.sleep(999)' --data-dir /data/etcd/etcd-server </dev/null >/dev/null 2>&1 & until pgrep -x etcd >/dev/null; do sleep 0.1; done",
    undo: "pkill -x etcd; rm /root/etcd",
    says: /other etcd: process \d+ is an etcd that uses \/data\/etcd\/etcd-server and that this package did not start/,
  },
  {
    what: "a supervisor program of the same name",
    given:
      "printf '[program:etcd-server-7-NUMBER]\\ncommand=/bin/true\\nautostart=false\\n' >/etc/supervisor/conf.d/theirs.conf",
    undo: "rm /etc/supervisor/conf.d/theirs.conf",
    says: /supervisor program: \/etc\/supervisor\/conf\.d\/theirs\.conf already defines the program 'etcd-server-7-\d+'/,
  },
  {
    what: "a supervisord that runs as another user",
    alone: true,
    given: `cp /etc/supervisor/supervisord.conf /root/; mkdir /var/log/sv; chown daemon /var/log/sv
      sed -i 's|^.supervisord.$|&\\nuser=daemon|; s|/var/run/|/var/log/sv/|; s|/var/log/supervisor|/var/log/sv|' /etc/supervisor/supervisord.conf
      ${RESTART_SUPERVISOR}`,
    undo: `mv /root/supervisord.conf /etc/supervisor/; ${RESTART_SUPERVISOR}; rm -r /var/log/sv`,
    says: /supervisor: supervisord \(process \d+\) runs as daemon, and only root can start etcd as etcd/,
  },
  {
    what: "a hardened unit of supervisord",
    alone: true,
    given: `mkdir -p /etc/systemd/system/supervisor.service.d; printf '[Service]\\nProtectSystem=strict\\nReadWritePaths=/run /var/log\\nPrivateTmp=yes\\n' >/etc/systemd/system/supervisor.service.d/hard.conf; systemctl daemon-reload; ${RESTART_SUPERVISOR}`,
    undo: `rm /etc/systemd/system/supervisor.service.d/hard.conf; systemctl daemon-reload; ${RESTART_SUPERVISOR}`,
    says: /supervisor: supervisord, and with it etcd, cannot write to \/data\/etcd\/etcd-server \/data\/logs\/etcd-server, although root can: .*ReadWritePaths=\/data\)/,
  },
  {
    what: "a supervisor program that is immutable",
    given:
      "printf '[program:etcd-server-7-NUMBER]\\n' >/etc/supervisor/conf.d/etcd-server.ini; chattr +i /etc/supervisor/conf.d/etcd-server.ini",
    undo: "chattr -i /etc/supervisor/conf.d/etcd-server.ini; rm /etc/supervisor/conf.d/etcd-server.ini",
    says: /read-only: \/etc\/supervisor\/conf\.d\/etcd-server\.ini cannot be replaced: it is immutable/,
  },
  {
    what: "a user database that is immutable",
    given: "chattr +i /etc/passwd /etc/shadow",
    undo: "chattr -i /etc/passwd /etc/shadow",
    says: /read-only: the system user etcd cannot be created, because nobody can write to \/etc\/passwd \/etc\/shadow: it is immutable/,
  },
  {
    what: "a full /run",
    given:
      "mkdir -p /run/cdktf-etcd; mount -t tmpfs -o mode=700,size=64k tmpfs /run/cdktf-etcd; head -c 64k /dev/zero >/run/cdktf-etcd/full",
    undo: "umount /run/cdktf-etcd",
    says: /free disk: 0 MB free for \/run\/cdktf-etcd, 2 MB are needed/,
  },
  {
    what: "a data directory that is not etcd's",
    given: "mkdir -p /data/etcd/etcd-server; echo diary >/data/etcd/etcd-server/notes",
    undo: "rm -r /data",
    says: /data directory: \/data\/etcd\/etcd-server is not empty and does not contain etcd data/,
  },
  {
    what: "data of an etcd that this package did not deploy",
    given: "mkdir -p /data/etcd/etcd-server/member/wal; touch /data/etcd/etcd-server/member/wal/0.wal",
    undo: "rm -r /data",
    says: /data directory: \/data\/etcd\/etcd-server holds etcd data, and nothing on this host says which member they belong to/,
  },
  {
    what: "/opt/etcd that is not a symbolic link",
    given: "mkdir /opt/etcd",
    undo: "rmdir /opt/etcd",
    says: /installation: \/opt\/etcd is not a link/,
  },
];

const NUMBERS = ["12", "21", "22"];

/**
 * Combines the refusals, three to a deploy, each on a host of its own. Those that change /data are not put on the
 * second host, which has a disk mounted there.
 */
function rounds(): (Refusal | undefined)[][] {
  const single = REFUSALS.filter(({ props, alone }) => props || alone);
  const [disks, others] = [true, false].map((disk) =>
    REFUSALS.filter((row) => !single.includes(row) && row.given.includes("/data") === disk),
  );
  const shared: (Refusal | undefined)[][] = [];
  while (disks.length + others.length > 0) {
    shared.push([disks.shift() ?? others.shift(), others.shift(), disks.shift() ?? others.shift()]);
  }
  return [...shared, ...single.map((row) => [undefined, undefined, row])];
}

describe("what preflight and synth refuse", () => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up("refusals", "--supervisor", "preinstalled");
    project = new Project(lab);
    // The unrelated program under supervisor edits its own file when it starts (lab/parts/untidy.sh).
    await lab.on("hdss7-21", "until grep -qs EDITED /etc/supervisor/conf.d/jobs.conf; do sleep 0.1; done");
  });
  afterAll(() => lab.down());

  test.each(
    rounds().map(
      (round) =>
        [
          round
            .map((row) => row?.what ?? "")
            .filter(String)
            .join("; "),
          round,
        ] as const,
    ),
  )("%s: refused in one line each, and nothing is touched on any host", async (_, round) => {
    const onEach = (script: (row: Refusal) => string) =>
      Promise.all(
        round.map((row, i) => row && lab.on(`hdss7-${NUMBERS[i]}`, script(row).replace("NUMBER", NUMBERS[i]))),
      );
    await onEach(({ given }) => given);
    const before = await fingerprint(lab);
    const refused = await project.apply(round.at(-1)?.props);
    const after = await fingerprint(lab);
    await onEach(({ undo }) => undo);
    expect(after).toEqual(before);

    expect(refused.code).not.toBe(0);
    const lines = refused.output.split("\n").filter((line) => /\(remote-exec\): .* refused: /.test(line));
    expect(lines).toHaveLength(round.filter(Boolean).length);
    round.forEach((row, i) => {
      if (!row) return;
      const line = lines.find((each) => each.includes(`on hdss7-${NUMBERS[i]}: preflight refused: `));
      expect(line).toMatch(row.says);
      expect(line).toMatch(/; to do: /);
    });
  });

  test("several problems on one host are all named", async () => {
    await lab.on(
      "hdss7-22",
      "mkdir /opt/etcd; mkdir -p /data/etcd/etcd-server/member/wal; touch /data/etcd/etcd-server/member/wal/0.wal",
    );
    const refused = await project.apply();
    await lab.on("hdss7-22", "rm -r /opt/etcd /data");
    expect(refused.output).toMatch(/preflight refused: installation/);
    expect(refused.output).toMatch(/preflight refused: data directory/);
  });

  test("invalid props are refused at synth, all at once, and no host is contacted", async () => {
    const refused = await project.synth({
      members: [
        { name: "a=b", address: "127.0.0.1" },
        { name: "a=b", address: "10.4.7.300" },
      ],
      extraFlags: { "enable-v2": "true", "data-dir": "/x" },
      heartbeatInterval: 1000,
      electionTimeout: 1000,
      paths: { dataDir: "/data/etcd", logDir: "/data/etcd/log" },
    });
    expect(refused.code).not.toBe(0);
    const problems = refused.output.split("\n").filter((line) => line.startsWith("  - "));
    for (const subject of [
      /name.*"a=b"/,
      /127\.0\.0\.1/,
      /10\.4\.7\.300/,
      /enable-v2/,
      /data-dir/,
      /electionTimeout/,
      /logDir|dataDir/,
    ]) {
      expect(problems.filter((line) => subject.test(line)).length).toBeGreaterThan(0);
    }
  });

  test("once the causes are removed, the same project deploys, whatever else on the hosts is called etcd", async () => {
    // A group etcd without a user, a user etcd in another group, and a unit named etcd-backup that is no etcd.
    await lab.on("hdss7-22", "groupadd etcd");
    await lab.on("hdss7-21", "groupadd staff2; useradd --system -g staff2 -s /bin/bash etcd");
    await lab.on(
      "hdss7-12",
      "printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' >/etc/systemd/system/etcd-backup.service; systemctl daemon-reload; systemctl start etcd-backup",
    );
    expect((await project.apply()).output).toMatch(/Apply complete!/);
  });
});
