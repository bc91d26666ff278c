import { createHash } from "node:crypto";
import { renameSync, rmSync, statSync } from "node:fs";
import { installBinaries, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { MEMBERSHIP, phase, pid, rolloutData, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const TOKEN = "6021458379";
const said = (text: string) => `a on host-a: bootstrap: ${text}`;

let peers: Awaited<ReturnType<typeof listenOn>>;
let clients: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  peers = await listenOn("127.0.0.2", "127.0.0.3");
  clients = await listenOn("127.0.0.2", "127.0.0.3");
});
afterAll(() => [peers, clients].forEach((ports) => ports.close()));

const founders = (host: Host) => host.cluster.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
const bootstrap = (host: Host, data = {}) =>
  phase(host, "bootstrap", {
    ...rolloutData(host),
    FOUNDERS: founders(host),
    CLUSTER_TOKEN: TOKEN,
    FOUNDING_MEMBERSHIP: MEMBERSHIP,
    MEMBERSHIP,
    FOUNDING_REPROVISIONS: "a=0,b=0,c=0",
    REPROVISION: "0",
    ...data,
  });

/** The initial-cluster flags with which etcd was last started, or undefined if it was not started. */
function startedAs(host: Host): string[] | undefined {
  if (!host.has("/run/etcd.args")) return undefined;
  return host
    .read("/run/etcd.args")
    .split("\n")
    .filter((argument) => argument.startsWith("--initial-cluster"));
}

const asNew = (host: Host) => [
  `--initial-cluster=${founders(host)}`,
  "--initial-cluster-state=new",
  `--initial-cluster-token=${TOKEN}`,
];

/** The ID that etcd gives a founder. */
function foundingId(peerUrl: string): string {
  const digest = createHash("sha1").update(`${peerUrl}${TOKEN}`).digest("hex");
  return BigInt(`0x${digest.slice(0, 16)}`).toString();
}

type Entry = readonly [name: string, more?: { id?: string; clientURLs?: string[] }];

/**
 * Sets what an etcd answers at its peer port. A member has its founder's ID and has not started, unless its entry says
 * otherwise.
 */
function tells(host: Host, name: string, ...entries: Entry[]): void {
  const members = entries.map(([entry, { id, clientURLs } = {}]) => {
    const { peerUrl } = host.cluster.members["abc".indexOf(entry)];
    const urls = clientURLs ? `,"clientURLs":${JSON.stringify(clientURLs)}` : "";
    return `{"id":${id ?? foundingId(peerUrl)},"peerURLs":["${peerUrl}"],"name":"${entry}"${urls}}`;
  });
  answers(
    host,
    name,
    `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nX-Etcd-Cluster-Id: 91c5\r\n\r\n[${members.join()}]\n`,
  );
}

function answers(host: Host, name: string, text: string): void {
  host.write(`/run/peers/${new URL(host.cluster.members["abc".indexOf(name)].peerUrl).hostname}`, text);
  host.stub(
    "openssl",
    `while [ "$1" != -connect ]; do shift; done
cat '${host.path("/run/peers")}'/"\${2%:*}" 2>/dev/null || echo 'connect:errno=0'`,
  );
}

const STARTED = { clientURLs: ["https://127.0.0.1:2379"] };
const ALIVE = "the cluster already exists without this member: left to rollout";

inEachShell((newHost) => {
  test("the name of a member and that of a server may be as long as they can be", () => {
    const server = Array.from({ length: 4 }, () => "n".repeat(62)).join(".");
    const { lines } = newHost().call(`MEMBER=${"m".repeat(63)}; https_get https://${server}:2380 /members`);
    expect(lines.join()).not.toMatch(/File name too long/);
    expect(lines.join()).toMatch(/etcd-peer-key\.pem/);
  });

  test.each(["", "Content-Length: 50000000\\r\\n", `Content-Length: ${"9".repeat(30)}\\r\\n`])(
    "a member that answers without end does not fill the memory of the hosts that have asked it (%j)",
    (length) => {
      const host = newHost();
      const answer = `printf 'HTTP/1.0 200 OK\\r\\n${length}\\r\\n'; head -c 50000000 /dev/zero`;
      host.call(`tls_connect() { ${answer}; }; https_get https://b:2380 /members >'${host.path("/answer")}'`);
      const { size } = statSync(host.path("/answer"));
      expect([size > 1_000_000, size > 1_000_100]).toEqual([true, false]);
    },
  );

  const clusterHost = (ports = {}) => newHost({ props: { ports } });
  /** A staged host, while etcd already runs on the hosts of the other founders. */
  function lateHost(): Host {
    const host = clusterHost({ peer: peers.port, client: clients.port });
    stagedHost(host);
    return host;
  }

  function expectFounded(host: Host, run: ReturnType<typeof bootstrap>): void {
    expect(run).toEqual({ code: 0, lines: [said(`started as a founder of the new cluster ${TOKEN}`)] });
    expect(startedAs(host)).toEqual(asNew(host));
    expect(host.read("/var/lib/cdktf-etcd/a/started")).toBe(`${host.member.peerUrl}\n`);
    expect(pid(host)).toMatch(/^\d+$/);
  }

  function expectLeftAlone(host: Host, run: ReturnType<typeof bootstrap>, line: string): void {
    expect(run).toEqual({ code: 0, lines: [said(line)] });
    expect(startedAs(host)).toBeUndefined();
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    expect(host.has("/data/etcd")).toBe(false);
  }

  test("a founder without data or an earlier life starts a new cluster under the cluster's token if no cluster exists", () => {
    const host = clusterHost();
    stagedHost(host);
    expectFounded(host, bootstrap(host));
  });

  test("what another deploy has staged is not started, because certificates from two states do not form a cluster", () => {
    const host = clusterHost();
    stagedHost(host);
    expect(bootstrap(host, { LEAF_SHA256: "0".repeat(64) })).toEqual({
      code: 3,
      lines: [
        "a on host-a: bootstrap refused: stage: what is staged here is not what this deploy has planned: another deploy has staged this member since, or this member's stage was interrupted; to do: make sure that nobody else deploys, then run terraform apply -replace='null_resource.stage'",
      ],
    });
    expect(startedAs(host)).toBeUndefined();
  });

  test("the permission for a first start is deleted once there are data, so that a lost disk never repeats it", () => {
    const host = clusterHost();
    stagedHost(host);
    bootstrap(host);
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
    expect(host.has("/opt/etcd-v3.6.14/first-start.env")).toBe(false);
    // The first start already used the installed configuration, so no restart is pending.
    expect(host.has("/var/lib/cdktf-etcd/a/restart-pending")).toBe(false);
  });

  test("a founder starts as new if the other founders already wait for it and have never seen it started", () => {
    const host = lateHost();
    tells(host, "b", ["a"], ["b", STARTED], ["c"]);
    tells(host, "c", ["a"], ["b"], ["c"]);
    expectFounded(host, bootstrap(host));
  });

  test.each<[string, Entry[]]>([
    ["has seen it started, which means that its data are lost", [["a", STARTED], ["b"], ["c"]]],
    ["does not know it, which means that it was removed", [["b"], ["c"]]],
    ["knows it by another ID, which means that it was added again", [["a", { id: "4711" }], ["b"], ["c"]]],
  ])("a founder is left to rollout if another founder %s, whatever the others say", (_, entries) => {
    const host = lateHost();
    tells(host, "b", ["a"], ["b"], ["c"]);
    tells(host, "c", ...entries);
    expectLeftAlone(host, bootstrap(host), ALIVE);
    rmSync(host.path("/run/peers/127.0.0.2"));
    expectLeftAlone(host, bootstrap(host), ALIVE);
  });

  describe("a founder founds nothing while it is unknown whether a cluster exists,", () => {
    const refused = (host: Host, why: string) => ({
      code: 3,
      lines: [
        `a on host-a: bootstrap refused: founding: ${why}, so it is unknown whether the cluster already exists; to do: make sure that the host is up, and that the members reach each other at the ports ${host.cluster.peerPort} and ${host.cluster.clientPort} (firewall, routing, certificates), and apply again`,
      ],
    });

    test("because another founder's host does not answer (a firewall, or the host is down)", () => {
      const host = clusterHost();
      stagedHost(host);
      host.stub("timeout", `case "$*" in *" 127.0.0.3 2380") exit 124 ;; esac; shift; exec "$@"`);
      host.write("/opt/etcd-v3.6.14/first-start.env", "of a killed run");
      expect(bootstrap(host)).toEqual(
        refused(host, "c neither accepts nor refuses connections at https://127.0.0.3:2380"),
      );
      expect(startedAs(host)).toBeUndefined();
      expect(host.has("/opt/etcd/first-start.env")).toBe(false);
      host.unstub("timeout");
      expectFounded(host, bootstrap(host));
    });

    test("because a connection fails for a reason other than connection refused", () => {
      const host = clusterHost();
      stagedHost(host);
      host.stub(
        "timeout",
        `case "$*" in *" 127.0.0.2 2380") echo "bash: connect: No route to host"; exit 1 ;; esac; shift; exec "$@"`,
      );
      expect(bootstrap(host)).toEqual(
        refused(host, "b neither accepts nor refuses connections at https://127.0.0.2:2380"),
      );
    });

    test("although bash before 5.1 finds no room for a here-document, as in a full /tmp", () => {
      const host = lateHost();
      tells(host, "b", ["b", STARTED], ["c"]);
      const text = `BASH_COMPAT=50; trap '' XFSZ
        (ulimit -f 0; ask_founders && echo "$founded") | cat
        program_urls() { :; }
        ask_founders || echo "$obstacle"`;
      const data = { FOUNDERS: founders(host), CLUSTER_TOKEN: TOKEN };
      expect(host.call(text, data).lines).toEqual(["yes", "the other founders could not be listed"]);
    });

    test("because an etcd accepts connections but does not say who its members are", () => {
      const host = lateHost();
      tells(host, "b", ["a"], ["b"], ["c"]);
      answers(host, "c", "depth=0 CN = other\nverify error:num=20:unable to get local issuer certificate\n");
      expect(bootstrap(host)).toEqual(
        refused(
          host,
          `c accepts connections at https://127.0.0.3:${peers.port} but does not say who its members are: unable to get local issuer certificate`,
        ),
      );
      expect(startedAs(host)).toBeUndefined();
    });

    test("because only the client port accepts connections, and no etcd opens that port alone", () => {
      const host = clusterHost({ client: clients.port });
      stagedHost(host);
      expect(bootstrap(host).lines[0]).toContain(
        `c does not listen at https://127.0.0.3:2380, but something that is not an etcd of this cluster listens at https://127.0.0.3:${clients.port}`,
      );
      expect(startedAs(host)).toBeUndefined();
    });
  });

  test.each([
    ["members were added or removed since the founding", { MEMBERSHIP: "2" }, "the members have changed"],
    [
      "its genesis is from an earlier release, which recorded less",
      { FOUNDING_MEMBERSHIP: "unknown" },
      "the members have changed",
    ],
    ["the founders are not all of the members", { FOUNDERS: "a=https://127.0.0.1:2380" }, "the members have changed"],
    [
      "its reprovision number has changed since the founding",
      { REPROVISION: "1" },
      "its reprovision or its machine has changed",
    ],
    [
      "its machine has changed since the founding",
      { FOUNDING_REPROVISIONS: "a=0@4e07,b=0,c=0", MACHINE: "d473" },
      "its reprovision or its machine has changed",
    ],
    [
      "its reprovision number has changed from one that ends alike",
      { FOUNDING_REPROVISIONS: "a=10,b=0,c=0" },
      "its reprovision or its machine has changed",
    ],
  ])("a founder founds nothing if %s, even if no cluster answers", (_, data, why) => {
    const host = clusterHost();
    stagedHost(host);
    expectLeftAlone(host, bootstrap(host, data), `${why} since the cluster was founded: left to rollout`);
  });

  test("a founder on the machine that the program has named since the founding founds the cluster", () => {
    const host = clusterHost();
    stagedHost(host);
    const run = bootstrap(host, { FOUNDING_REPROVISIONS: "a=0@4e07,b=0,c=0", MACHINE: "4e07" });
    expect(run.lines.at(-1)).toBe(said(`started as a founder of the new cluster ${TOKEN}`));
  });

  test("another order of the founders is not a change", () => {
    const host = clusterHost();
    stagedHost(host);
    const FOUNDERS = founders(host).split(",").reverse().join();
    expect(bootstrap(host, { FOUNDERS }).code).toBe(0);
    expect(startedAs(host)?.[1]).toBe("--initial-cluster-state=new");
  });

  test("a founder with a mark of an earlier life but no data founds nothing", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
    expectLeftAlone(
      host,
      bootstrap(host),
      "has run before and its data are gone, so it may not found a cluster: left to rollout",
    );
  });

  test.each([
    ["a member that came later", (host: Host) => founders(host).replace(/^a=[^,]*,/, "")],
    [
      "a founder that moved to another address",
      (host: Host) => founders(host).replace("127.0.0.1:2380", "127.0.0.9:2380"),
    ],
    ["a founder with another name", (host: Host) => founders(host).replace("a=", "aa=")],
    [
      "a founder whose URL only starts the same",
      (host: Host) => founders(host).replace("127.0.0.1:2380", "127.0.0.1:23800"),
    ],
  ])("%s is not a founder and is left to rollout", (_, others) => {
    const host = clusterHost();
    stagedHost(host);
    expectLeftAlone(host, bootstrap(host, { FOUNDERS: others(host) }), "not a founder: left to rollout");
  });

  test("a member with data and a running etcd is left as it is", () => {
    const host = clusterHost();
    runningHost(host);
    const before = pid(host);
    expect(bootstrap(host)).toEqual({ code: 0, lines: [said("has data of its own, nothing to found")] });
    expect(pid(host)).toBe(before);
    expect(host.calls("supervisorctl")).toEqual([]);
  });

  test("a member with data and no running etcd is started with its data, never as new", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/data/etcd/member/wal/0.wal", "");
    expect(bootstrap(host)).toEqual({ code: 0, lines: [said("has data of its own, nothing to found")] });
    expect(startedAs(host)?.[1]).toBe("--initial-cluster-state=existing");
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(true);
  });

  test("a member with data and no running etcd that the cluster has removed is not started but left to rollout", () => {
    const host = clusterHost({ client: clients.port });
    const cluster = stagedHost(host);
    host.write("/data/etcd/member/wal/0.wal", "");
    cluster.members("b", "c");
    cluster.healthy("bc");
    expect(bootstrap(host)).toEqual({
      code: 0,
      lines: [said("the cluster has removed this member: left to rollout")],
    });
    expect(startedAs(host)).toBeUndefined();
    expect(host.calls("supervisorctl")).toEqual([]);
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });

  test("a member with data of another cluster than the one that lives is not started, as after a restore without it", () => {
    const host = clusterHost({ client: clients.port });
    const cluster = stagedHost(host);
    host.write("/data/etcd/member/wal/0.wal", "");
    host.write("/var/lib/cdktf-etcd/a/identity", "member=9\ncluster=78\n");
    cluster.members("b", "c");
    cluster.healthy("bc");
    // The first questions get no answer: whether it was removed from that cluster, and which cluster that is.
    cluster.on(
      "endpoint status -w json",
      'echo >>"$state/asked"; [ "$(grep -c "" "$state/asked")" -gt 2 ] || fail "not yet"',
    );
    expect(bootstrap(host)).toEqual({
      code: 3,
      lines: [
        expect.stringMatching(
          /^a on host-a: bootstrap refused: data directory: \/data\/etcd holds data of the cluster 4e, and the cluster that lives /,
        ),
      ],
    });
    expect(startedAs(host)).toBeUndefined();
  });

  test("an etcd that does not start fails with its last log message, and the next run starts it", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/opt/etcd/etcd", "#!/no/such/interpreter\n", 0o755);
    expect(bootstrap(host)).toEqual({
      code: 1,
      lines: [
        expect.stringMatching(
          /^a on host-a: bootstrap failed: etcd does not start: .*\/opt\/etcd\/etcd: (?:not found|bad interpreter: No such file or directory|cannot execute: required file not found); to do: see \/data\/logs\/etcd\.log, correct the cause, and apply again$/,
        ),
      ],
    });
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(false);
    // supervisor must not try again, or it might start etcd before the next run does.
    host.call("supervisorctl stop a");
    installBinaries(host);
    expectFounded(host, bootstrap(host));
  });

  test("an etcd that writes no data fails with the last error in its log, and no started mark is written", () => {
    const host = clusterHost();
    stagedHost(host);
    host.write("/run/stuck", "a fatal thing happened\nand then this\n");
    expect(bootstrap(host)).toEqual({
      code: 1,
      lines: [
        "a on host-a: bootstrap failed: etcd wrote no data: a fatal thing happened; to do: see /data/logs/etcd.log, correct the cause, and apply again",
      ],
    });
    expect(host.has("/var/lib/cdktf-etcd/a/started")).toBe(false);
    // etcd may start later and then lose its disk; with the permission it would start empty and vote a second time.
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
  });

  test("a permission for a first start that a killed phase left behind is deleted as soon as there are data", () => {
    const host = clusterHost();
    runningHost(host);
    host.write("/opt/etcd/first-start.env", "of a killed run");
    expect(bootstrap(host).code).toBe(0);
    expect(host.has("/opt/etcd/first-start.env")).toBe(false);
  });

  test.each(["etcd", "etcd/etcd", "etcd/certs", "etcd/certs/etcd-peer-key.pem", "etcd/etcd-server-startup.sh"])(
    "bootstrap asks for another stage if the stage was killed before %s existed",
    (missing) => {
      const host = clusterHost();
      stagedHost(host);
      rmSync(host.path(`/opt/${missing}`));
      expect(bootstrap(host)).toEqual({
        code: 1,
        lines: [
          "a on host-a: bootstrap failed: this member was not staged, although Terraform has recorded its stage as done: that stage was killed; to do: terraform apply -replace='null_resource.stage'",
        ],
      });
      expect(startedAs(host)).toBeUndefined();
    },
  );

  test("a startup script that is staged but not yet in use is enough", () => {
    const host = clusterHost();
    stagedHost(host);
    const startup = host.path("/opt/etcd-v3.6.14/etcd-server-startup.sh");
    renameSync(startup, `${startup}.next`);
    expectFounded(host, bootstrap(host));
  });

  test("a founder starts on RHEL as it does on Debian", () => {
    const host = clusterHost();
    stagedHost(host, "rhel");
    expectFounded(host, bootstrap(host));
  });
});
