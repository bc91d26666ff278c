import { connect, createServer, type Server, type Socket } from "node:net";
import type { Host } from "../support/host";
import { HEALTH, phase, rollout, hostInCluster } from "../support/phases";
import { listenOn } from "../support/fake-etcd";
import { inEachShell, testAsRoot } from "../support/shells";

/** The addresses of this member, a peer and another member. Either side opens connections, as etcd's members do. */
const [OWN, PEER, OTHER] = ["127.0.0.1", "127.0.0.4", "127.0.0.3"];

/** An ss that lists these connections by the address to which they lead, and closes none. */
const knows = (...lines: string[]) =>
  `printf '%s\\n' "$*" >>"$CALLS"; for word; do address=\${last:-}; last=$word; case $address in dst) ${lines
    .map((line) => `[ "$word" != ${line.split(" ").at(-1)} ] || echo '${line}'`)
    .join("; ")} ;; esac; done; true`;

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4");
});
afterAll(() => all.close());

inEachShell((newHost) => {
  /** The host of `a`. The cluster has these members (dead ones in capitals), and the program has `a`, `b` and `c`. */
  const hostOf = (letters: string, peer = 2380): Host =>
    hostInCluster(newHost({ props: { ports: { client: all.port, peer } } }), letters).host;
  const closed = (host: Host) =>
    host
      .calls("ss")
      .filter((call) => call.includes("-K"))
      .map((call) => / dst (\S+)/.exec(call)?.[1]);

  testAsRoot("the connections with the peer are closed in both directions, and no others are", async () => {
    const accepted: Socket[] = [];
    const listen = (address: string, port: number) =>
      new Promise<Server>((resolve, reject) => {
        const server = createServer((socket) => accepted.push(socket.on("error", () => undefined)));
        server.on("error", reject).listen(port, address, () => resolve(server));
      });
    const peers = [await listen(OWN, 0)];
    const { port } = peers[0].address() as { port: number };
    for (const address of [PEER, OTHER]) peers.push(await listen(address, port));
    const elsewhere = await listen(PEER, 0);
    const link = (from: string, to: string, at = port) =>
      new Promise<{ socket: Socket; gone: () => boolean }>((resolve) => {
        let gone = false;
        const socket: Socket = connect({ host: to, port: at, localAddress: from }, () =>
          resolve({ socket, gone: () => gone }),
        );
        socket.on("error", () => (gone = true)).on("close", () => (gone = true));
      });
    const outbound = await link(OWN, PEER);
    const inbound = await link(PEER, OWN);
    const others = [
      await link(OWN, OTHER),
      await link(OTHER, OWN),
      await link(OWN, PEER, (elsewhere.address() as { port: number }).port),
    ];

    const host = newHost({ props: { ports: { client: all.port, peer: port } } });
    expect(host.call(`close_connections_to https://${PEER}:${port}`)).toEqual({ code: 0, lines: [] });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([outbound.gone(), inbound.gone()]).toEqual([true, true]);
    expect(others.map(({ gone }) => gone())).toEqual([false, false, false]);

    for (const { socket } of [outbound, inbound, ...others]) socket.destroy();
    for (const socket of accepted) socket.destroy();
    for (const server of [...peers, elsewhere]) server.close();
  });

  describe("preflight closes the connections to", () => {
    const preflight = (host: Host) => {
      host.stub("ss", knows());
      host.call("know_members; close_connections_to_the_dead");
      return closed(host);
    };

    test("no member if the address would match every host", () => {
      const host = hostOf("abcd", all.port);
      host.stub("ss", knows());
      for (const url of ["https://0.0.0.0/0:2380", "https://*:2380", "https://:2380"])
        host.call(`connections_to '${url}' -K`);
      expect(closed(host)).toEqual([]);
    });

    test("no member whose URL has no port, which would match the connections of all programs", () => {
      const host = hostOf("abcd", all.port);
      host.stub("ss", knows());
      for (const port of ["", "*", "0-65535", "ssh", "22/x"])
        host.call(`connections_to 'https://127.0.0.4:${port}' -K`);
      expect(host.calls("ss")).toEqual([expect.stringMatching(/ dst 127.0.0.4 \( sport = :\d+ or dport = :22 \)$/)]);
    });

    test("no member while all are healthy", () => {
      const host = hostOf("abcd", all.port);
      expect(preflight(host)).toEqual([]);
    });

    test("a dead member that has left the program, even if something still accepts connections there", () => {
      expect(preflight(hostOf("abcD", all.port))).toEqual(["127.0.0.4"]);
    });

    test("a member that is to be re-provisioned, because nothing accepts connections there", () => {
      const host = hostOf("abcd", 9);
      expect(preflight(host)).toEqual(["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    });

    test("no member if this member has no quorum, because no member will be removed", () => {
      expect(preflight(hostOf("ABCD", all.port))).toEqual([]);
    });
  });

  describe("a member that is known by a name", () => {
    /** `d.lab` leads to `address`, and this etcd is connected to `c`, and to two that are no members. */
    const closedOf = (
      address: string,
      data: { [fact: string]: string } = { LISTEN_ADDRESSES: "127.0.0.1 127.0.0.3" },
    ) => {
      const host = newHost();
      host.stub("getent", `echo '${address}${address && " STREAM x"}'`);
      const own = 'users:(("etcd",pid=7,fd=9))';
      const others = ["127.0.0.3", "[::ffff:10.9.9.9]", "[fd00::9]"].map(
        (ip) => `0 0 127.0.0.1:2380 ${ip}:5000 ${own}`,
      );
      const neighbour = '0 0 127.0.0.1:2380 10.8.8.8:2380 users:(("etcd",pid=77,fd=9))';
      host.stub(
        "ss",
        `printf '%s\\n' "$*" >>"$CALLS"; case $* in *dst*) ;; *) printf '%s\\n' ${[...others, neighbour].map((line) => `'${line}'`).join(" ")} ;; esac`,
      );
      host.call("etcd_pid() { echo 7; }; connections_to https://d.lab:2380 -K", data);
      return closed(host);
    };

    test("is disconnected where its name leads to, and at each address that no member has, because its name may have moved; connections of others on this host are left alone", () => {
      expect(closedOf("fd00::4")).toEqual(["10.9.9.9", "[fd00::4]", "[fd00::9]"]);
      expect(closedOf("")).toEqual(["10.9.9.9", "[fd00::9]"]);
    });

    test("is not taken for a member whose IPv6 address the program spells in another way", () => {
      const members = { LISTEN_ADDRESSES: "127.0.0.1 127.0.0.3 FD00:0::0009" };
      expect(closedOf("fd00::4", members)).toEqual(["10.9.9.9", "[fd00::4]"]);
    });

    test("is disconnected only where its name leads to if the addresses of the members are not known, as in a dismissal", () => {
      expect(closedOf("127.0.0.4", { LISTEN_ADDRESSES: "" })).toEqual(["127.0.0.4"]);
    });
  });

  describe("if the kernel closes no connections", () => {
    test("the removal waits for unacknowledged data, and says so if they remain", () => {
      const host = hostOf("abcD", all.port);
      host.stub("ss", knows("0 46720 127.0.0.1:2380 127.0.0.4"));
      const run = host.call("DRAIN_SECONDS=1; close_connections_to https://127.0.0.4:2380");
      expect(run.lines).toEqual([
        "a on host-a: test: connections to https://127.0.0.4:2380 still hold data that the member has not acknowledged: while it is being removed, writes may stop for some seconds",
      ]);
    });

    test("the removal does not wait for connections without unacknowledged data", () => {
      const host = hostOf("abcD", all.port);
      host.stub("ss", knows("0 0 127.0.0.1:2380 127.0.0.4"));
      expect(host.call("DRAIN_SECONDS=20; close_connections_to https://127.0.0.4:2380").lines).toEqual([]);
    });
  });

  describe("a member that falls silent during the deploy", () => {
    const withUnacknowledged = (host: Host) =>
      host.stub(
        "ss",
        `printf '%s\\n' "$*" >>"$CALLS"; case $* in *-K*) : >'${host.root}/run/closed' ;; *'dst 127.0.0.4'*) [ -e '${host.root}/run/closed' ] || echo '0 46720 127.0.0.1:2380 127.0.0.4:50000' ;; esac`,
      );
    const waits =
      /stopped answering during this deploy: waiting \d+ s until the other members have dropped their connections to it$/;

    test.each([
      ["a rollout", (host: Host) => rollout(host)],
      ["health", (host: Host) => phase(host, "health", HEALTH)],
    ])("is removed by %s after its connections have been closed here and have ended elsewhere", (_, run) => {
      const host = hostOf("abcD", all.port);
      withUnacknowledged(host);
      host.stub("sleep", `printf '%s\\n' "$*" >>"$CALLS"`);
      const { lines } = run(host);
      expect(lines[0]).toMatch(waits);
      expect(lines[1]).toMatch(/removed d \(/);
      expect(closed(host)).toEqual(["127.0.0.4"]);
      expect(host.calls("sleep")).toContain("20");
    });

    test("has its connections closed, unlike a healthy member that leaves, which keeps them to the end", () => {
      const host = hostOf("abcd", all.port);
      withUnacknowledged(host);
      expect(phase(host, "health", HEALTH).lines[0]).toMatch(/removed d \(/);
      expect(closed(host)).toEqual([]);
    });
  });
});
