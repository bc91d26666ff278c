import { FakeCluster, installBinaries, listenOn } from "../support/fake-etcd";
import type { Host } from "../support/host";
import { inEachShell } from "../support/shells";

/** The output of `member list` from etcdctl 3.4 or later, with a last line as etcdctl up to 3.3 prints it. */
const LIST = [
  "8211f1d0f64f3269, started, m12, https://10.4.7.12:2380, https://10.4.7.12:2379, false",
  "91bc3c398fb3c146, started, m120, https://10.4.7.120:2380, https://10.4.7.120:2379, true",
  "c8266ecf031671f3, started, m1b, https://10.4.7.1:23800, https://10.4.7.1:23790, false",
  "fd422379fda50e48, unstarted, , https://10.4.7.1:2380, , false",
  "aa422379fda50e48, unstarted, , https://[fd00::2]:2380, , true",
  "b8266ecf031671f3, started, old, https://10.4.7.9:2380, https://10.4.7.9:2379",
];
const READ = [
  "8211f1d0f64f3269 m12 https://10.4.7.12:2380 https://10.4.7.12:2379 voter",
  "91bc3c398fb3c146 m120 https://10.4.7.120:2380 https://10.4.7.120:2379 learner",
  "c8266ecf031671f3 m1b https://10.4.7.1:23800 https://10.4.7.1:23790 voter",
  "fd422379fda50e48 - https://10.4.7.1:2380 - voter",
  "aa422379fda50e48 - https://[fd00::2]:2380 - learner",
  "b8266ecf031671f3 old https://10.4.7.9:2380 https://10.4.7.9:2379 voter",
];

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

inEachShell((newHost) => {
  function listing(lines = LIST): Host {
    const host = newHost();
    host.write("/answer", lines.map((line) => `${line}\n`).join(""));
    host.write("/opt/etcd/etcdctl", `#!/bin/sh\ncat '${host.path("/answer")}'\n`, 0o755);
    return host;
  }
  test("unexpected characters in a member's name and URLs are replaced, and in the file for a first start they are not executed", () => {
    const host = listing([
      "8, started, x$(id) ' y, https://10.4.7.1:2380,https://a$(id):2380, https://10.4.7.1:2379, false",
    ]);
    expect(host.call('members_of ""').lines).toEqual([
      "8 x??id????y https://10.4.7.1:2380,https://a??id?:2380 https://10.4.7.1:2379 voter",
    ]);
    host.call(`VERSIONED=${host.path("/opt/etcd")}; permit_first_start "initial_cluster=it's \\$(id)" token=x`);
    expect(
      host.call(`. '${host.path("/opt/etcd/first-start.env")}'; printf '%s\\n' "$initial_cluster" "$token"`).lines,
    ).toEqual(["it's $(id)", "x"]);
  });

  const filter = (host: Host, text: string) => host.call(`members_of x | ${text}`).lines;

  test("the member list is read as one line per member, with a dash for what the cluster does not know yet", () => {
    expect(listing().call("members_of x")).toEqual({ code: 0, lines: READ });
    expect(listing([]).call("members_of x")).toEqual({ code: 0, lines: [] });
  });

  test("of several client URLs, the first that is not a loopback address is used, or the first if all of them are", () => {
    const entry = (urls: string) => `8211f1d0f64f3269, started, x, https://10.4.7.12:2380, ${urls}, false`;
    const read = (url: string) => `8211f1d0f64f3269 x https://10.4.7.12:2380 ${url} voter`;
    const host = listing([
      entry("http://127.0.0.1:2379,https://localhost:2379,https://[::1]:2379,https://10.4.7.12:2379"),
      entry("https://10.4.7.12:2379,https://10.4.8.12:2379"),
      entry("http://127.0.0.1:2379,http://localhost:2379"),
    ]);
    expect(host.call("members_of x").lines).toEqual(
      ["https://10.4.7.12:2379", "https://10.4.7.12:2379", "http://127.0.0.1:2379"].map(read),
    );
  });

  test.each([
    ["https://10.4.7.12:2380", [READ[0]]],
    ["https://10.4.7.120:2380", [READ[1]]],
    ["https://10.4.7.1:23800", [READ[2]]],
    ["https://10.4.7.1:2380", [READ[3]]],
    ["https://[fd00::2]:2380", [READ[4]]],
    ["https://10.4.7.9:2380", [READ[5]]],
    ["https://10.4.7.12:23800", []],
    ["https://10x4x7x12:2380", []],
  ])("a member is identified by its exact peer URL %s", (url, found) => {
    const host = listing();
    const own = (text: string) => host.call(`PEER_URL='${url}'; members_of x | ${text}`).lines;
    expect(own("own_entry")).toEqual(found);
    expect(own("others")).toEqual(READ.filter((line) => !found.includes(line)));
  });

  test("the program's members are identified by their exact peer URLs, whatever their names", () => {
    const host = listing();
    const program = "INITIAL_CLUSTER='x=https://10.4.7.12:2380,m120=https://10.4.7.1:2380,y=https://[fd00::2]:2380'";
    expect(host.call(`${program}; members_of x | desired`).lines).toEqual([READ[0], READ[3], READ[4]]);
    expect(host.call(`${program}; members_of x | undesired`).lines).toEqual([READ[1], READ[2], READ[5]]);
    expect(host.call(`${program}; desired_peer_urls`).lines).toEqual([
      "https://10.4.7.12:2380",
      "https://10.4.7.1:2380",
      "https://[fd00::2]:2380",
    ]);
  });

  test("names that could be numbers are compared as texts: 01 is not 1", () => {
    const list = "8 01 https://10.4.7.1:2380 - voter\n9 1 https://10.4.7.2:2380 - voter";
    const asked = (text: string) => newHost().call(`list='${list}'; ${text}`).lines;
    expect(asked("LEAVER=1 LEAVER_URL=https://10.4.7.9:2380; leaver_entry")).toEqual(list.split("\n").slice(1));
    // The entry of the old address of the member is called by its ID.
    expect(
      asked("MEMBER=1 PEER_URL=https://10.4.7.9:2380; printf '%s\\n' \"$list\" | initial_cluster_of_list"),
    ).toEqual(["01=https://10.4.7.1:2380,9=https://10.4.7.2:2380"]);
  });

  test("voters and learners can be listed separately", () => {
    expect(filter(listing(), "voters")).toEqual([READ[0], READ[2], READ[3], READ[5]]);
    expect(filter(listing(), "learners")).toEqual([READ[1], READ[4]]);
  });

  test("messages call a member by its name and peer URL, or only by its peer URL if it has no name", () => {
    expect(filter(listing(), "named")).toEqual([
      "m12 (https://10.4.7.12:2380), m120 (https://10.4.7.120:2380), m1b (https://10.4.7.1:23800), https://10.4.7.1:2380, https://[fd00::2]:2380, old (https://10.4.7.9:2380)",
    ]);
    expect(filter(listing([]), "named")).toEqual([]);
  });

  describe("a member that is not healthy", () => {
    /** b, which does not accept connections, is not healthy at the first two looks; HOLDER has the turn. */
    function looks(holder: string, { listens = false, unhealthy = 2 } = {}): string[] {
      const host = newHost();
      host.write("/looks", "0");
      return host.call(`
unhealthy() { read -r n <"$LOOKS" || true; n=$((n + 1)); printf $n >"$LOOKS"; [ $n -gt ${unhealthy} ] || cat; }
reachable() { ${listens ? 'echo "$1"' : ":"}; }
LOOKS='${host.path("/looks")}'
any_live_endpoint() { echo x; }; etcdctl_at() { echo '${holder}'; }
echo "2 b https://b:2380 https://b:2379 voter" | unhealthy_for_long | named; echo " after $(cat "$LOOKS")"`).lines;
    }

    test("is waited for while it has the turn, because it is restarted or defragmented", () => {
      expect(looks("b (https://b:2380)")).toEqual([" after 3"]);
    });

    test("is not waited for if another one has the turn, or nobody", () => {
      expect(looks("a (https://a:2380)")).toEqual(["b (https://b:2380) after 1"]);
      expect(looks("b (https://its-new-host:2380)")).toEqual(["b (https://b:2380) after 1"]);
      expect(looks("")).toEqual(["b (https://b:2380) after 1"]);
    });

    test("is waited for a minute, however long each look at a silent host takes", () => {
      const host = newHost();
      host.write("/looks", "0");
      const { lines } = host.call(`
LOOKS='${host.path("/looks")}'
set_uptime() { read -r uptime <"$LOOKS" || true; uptime=$((uptime * 10)); }
unhealthy() { read -r n <"$LOOKS" || true; printf $((n + 1)) >"$LOOKS"; cat; }
sleep() { :; }; accept_connections() { false; }; has_the_turn() { :; }
echo "2 b https://b:2380 https://b:2379 voter" | unhealthy_for_long | named; echo " after $(cat "$LOOKS")"`);
      expect(lines).toEqual(["b (https://b:2380) after 6"]);
    });

    test("is asked once more if it accepts connections, because an old etcd may have lost the question", () => {
      expect(looks("", { listens: true, unhealthy: 1 })).toEqual([" after 2"]);
      expect(looks("", { listens: true })).toEqual(["b (https://b:2380) after 2"]);
    });
  });

  test.each([
    ["", "the cluster (asked at https://a:2379) is not healthy"],
    ["2 b https://b:2380", "b (https://b:2380) is not healthy"],
    ["2 b https://b:2380\n3 c https://c:2380", "b (https://b:2380), c (https://c:2380) are not healthy"],
  ])("a refusal says who is not healthy: %j", (list, said) => {
    expect(newHost().call(`live=https://a:2379 not_healthy='${list}'; ailing`).lines).toEqual([said]);
  });

  test("members that do not answer or never started are unhealthy, and an empty list has no unhealthy members", () => {
    const host = newHost({ props: { ports: { client: all.port } } });
    installBinaries(host);
    const cluster = new FakeCluster(host);
    cluster.members("a", "b", ["9", "unstarted", "c"]);
    cluster.healthy("a");
    expect(host.call('members_of "$CLIENT_URL" | unhealthy | cut -d" " -f1').lines).toEqual(["2", "9"]);
    cluster.healthy("b");
    cluster.members("a", "b");
    expect(host.call('members_of "$CLIENT_URL" | unhealthy')).toEqual({ code: 0, lines: [] });
    expect(host.call(": | unhealthy")).toEqual({ code: 0, lines: [] });
  });

  test.each([
    [1, 1, true],
    [1, 0, false],
    [2, 1, false],
    [3, 2, true],
    [4, 2, false],
    [4, 3, true],
    [5, 3, true],
  ])("of %s voters %s are a quorum: %s", (voters, healthy, is) => {
    expect(newHost().call(`has_quorum ${voters} ${healthy} && echo yes || echo no`).lines).toEqual([is ? "yes" : "no"]);
  });
});
