import type { EtcdMemberProps } from "../../src/settings";
import type { Host } from "../support/host";
import { inEachShell } from "../support/shells";
import { base64, makePki } from "../support/test-pki";

const pki = makePki();

const refused = (text: string) => `a on host-a: test refused: ${text}`;

/** A getent that knows these names by /etc/hosts and DNS, and others by another service. */
function resolves(host: Host, names: { readonly [name: string]: string }, others: typeof names = {}): void {
  const cases = (table: typeof names) =>
    Object.entries(table).map(
      ([name, addresses]) =>
        `${name}) printf '${addresses
          .split(" ")
          .map((ip) => `${ip} STREAM ${name}\\n${ip} DGRAM\\n`)
          .join("")}' ;;`,
    );
  host.stub(
    "getent",
    `for name; do :; done\ncase "$*" in "-s hosts:files dns ahosts "*) case $name in ${cases(names).join(" ")} esac ;; *) case $name in ${cases({ ...names, ...others }).join(" ")} esac ;; esac`,
  );
}

/** An ip that shows these addresses of the host, and these routes. */
function hasAddresses(host: Host, addresses: readonly string[], routes = ""): void {
  const shown = addresses.map(
    (address) => `*"to ${address}") echo '2: eth0    inet ${address}/24 brd 10.4.7.255 scope global eth0' ;;`,
  );
  host.stub("ip", `case "$*" in ${shown.join(" ")} *batch*) cat >>"$CALLS"; printf '${routes}' ;; esac`);
}

inEachShell((newHost) => {
  describe("the source address that peers see", () => {
    const check = (host: Host, routes: string, data: { [fact: string]: string } = {}) => {
      hasAddresses(host, ["10.4.7.12"], routes);
      return host.call("check_routes", { LEAF_PEM_BASE64: base64(pki.withNames), ...data }).lines;
    };
    const elsewhere = "127.0.0.2 dev e src 10.9.9.9 uid 0\\n";
    const wrong = refused(
      "source address: this host sends to 127.0.0.2 from 10.9.9.9, which is not in the member's certificate: its peers would reject the connection; to do: add 10.9.9.9 to certificates.ipAddresses, or correct the host's routes",
    );

    test("is accepted if the certificate has it, as an address or by name", () => {
      const host = newHost();
      expect(
        check(host, "127.0.0.2 dev lo src 127.0.0.1 uid 0\\nfd00::2 from :: dev e src fd00::12 metric 1\\n"),
      ).toEqual([]);
      expect(host.calls("ip")).toEqual(["route get 127.0.0.1", "route get 127.0.0.2", "route get 127.0.0.3"]);
      resolves(host, { "host-a": "10.9.9.9" });
      expect(check(host, elsewhere)).toEqual([]);
    });

    test("is refused if the certificate does not have it", () => {
      expect(check(newHost(), elsewhere)).toEqual([wrong]);
    });

    test("is asked for the addresses to which the members' names lead", () => {
      const host = newHost();
      resolves(host, { "etcd-b": "127.0.0.2 fd00::2", "etcd-c": "127.0.0.3" });
      const names = { INITIAL_CLUSTER: "a=https://etcd-a:2380,b=https://etcd-b:2380,c=https://etcd-c:2380" };
      expect(check(host, elsewhere, names)).toEqual([wrong]);
      expect(host.calls("ip")).toEqual(["route get 127.0.0.2", "route get fd00::2", "route get 127.0.0.3"]);
    });

    test("is not known behind NAT, where the certificate may have what the others see", () => {
      const nat = { ADDRESS: "192.0.2.12", LISTEN_ADDRESS: "0.0.0.0" };
      expect(check(newHost(), elsewhere, nat)).toEqual([]);
      expect(check(newHost(), elsewhere, { ...nat, ADDRESS: "10.4.7.12" })).toEqual([wrong]);
    });

    test("does not matter if the certificate has no names at all, because etcd then accepts every address", () => {
      expect(check(newHost(), elsewhere, { LEAF_PEM_BASE64: base64(pki.cert) })).toEqual([]);
    });
  });

  describe("the address at which etcd listens", () => {
    test("is accepted if one of the interfaces has it, or if it stands for all of them", () => {
      for (const LISTEN_ADDRESS of ["127.0.0.1", "0.0.0.0", "::"])
        expect(newHost().call("check_address", { LISTEN_ADDRESS }).lines).toEqual([]);
    });

    test("is refused if no interface has it, with the addresses that the host has", () => {
      const host = newHost();
      host.stub(
        "ip",
        `case "$*" in *global*) printf '2: eth0    inet 10.4.7.12/24 brd 10.4.7.255 scope global eth0\\n3: eth1    inet6 fd00::12/64 scope global \\n' ;; esac`,
      );
      expect(host.call("check_address", { LISTEN_ADDRESS: "10.4.7.99" }).lines).toEqual([
        refused(
          "address: 10.4.7.99 is on none of this host's interfaces (10.4.7.12 fd00::12); to do: set the member's address to one of these; or, if that is a DNS name or NAT is in between, its listenAddress",
        ),
      ]);
      expect(host.call("check_address", { LISTEN_ADDRESS: "::" }).lines).toEqual([
        refused("address: this host has no IPv6; to do: set listenAddress to 0.0.0.0"),
      ]);
    });
  });

  describe("names", () => {
    const RIGHT = { "etcd-a.lab": "10.4.7.12", "etcd-b.lab": "10.4.7.21", "etcd-c.lab": "10.4.7.22" };
    /** A host of members with names; this one has one address. */
    const named = (names: { readonly [name: string]: string }, own: Partial<EtcdMemberProps> = {}) => {
      const members = ["a", "b", "c"].map((name) => ({
        name,
        address: `etcd-${name}.lab`,
        listenAddress: "10.4.7.12",
        hostName: `host-${name}`,
        ...(name === "a" ? own : {}),
      }));
      const host = newHost({ props: { members } });
      resolves(host, names);
      hasAddresses(host, ["10.4.7.12"]);
      return host;
    };
    const check = (names: { readonly [name: string]: string }, own?: Partial<EtcdMemberProps>) =>
      named(names, own).call("check_names").lines;

    test("that lead each to its own host are accepted", () => {
      expect(check(RIGHT)).toEqual([]);
    });

    test("are not looked up where the members have IP addresses", () => {
      const host = newHost();
      host.stub("getent", 'echo called >>"$CALLS"');
      expect(host.call("check_names").lines).toEqual([]);
      expect(host.calls("getent")).toEqual([]);
    });

    test("that do not resolve are refused on each host, also if another service knows one", () => {
      const host = named({ "etcd-a.lab": "10.4.7.12" });
      resolves(host, { "etcd-a.lab": "10.4.7.12" }, { "etcd-b.lab": "10.4.7.21" });
      expect(host.call("check_names").lines).toEqual([
        refused(
          "name: etcd-b.lab, the address of b, does not resolve on this host by /etc/hosts or DNS, where alone etcd looks: 10.4.7.21 comes from another service of /etc/nsswitch.conf; to do: add it to DNS, or to /etc/hosts on all hosts",
        ),
        refused(
          "name: etcd-c.lab, the address of c, does not resolve on this host by /etc/hosts or DNS; to do: add it to DNS, or to /etc/hosts on all hosts",
        ),
      ]);
    });

    test("that lead to loopback are refused, with what to write into /etc/hosts", () => {
      expect(check({ ...RIGHT, "etcd-a.lab": "127.0.1.1", "etcd-c.lab": "127.0.0.1" })).toEqual([
        refused(
          "name: etcd-a.lab resolves to the loopback address 127.0.1.1 on this host, and etcd listens at 10.4.7.12; to do: in /etc/hosts, put 10.4.7.12 in the place of 127.0.1.1 in the line with etcd-a.lab (Debian's installer writes such a line)",
        ),
        refused(
          "name: etcd-c.lab, the address of c, resolves to the loopback address 127.0.0.1 on this host; to do: correct its line in /etc/hosts on this host",
        ),
      ]);
    });

    test("of the member itself may lead to loopback if etcd listens there, too", () => {
      expect(check({ ...RIGHT, "etcd-a.lab": "127.0.1.1" }, { listenAddress: "0.0.0.0" })).toEqual([]);
    });

    test("of another member that lead to this host are refused", () => {
      expect(check({ ...RIGHT, "etcd-b.lab": "10.4.7.12" })).toEqual([
        refused(
          "name: etcd-b.lab, the address of b, leads to this host itself: 10.4.7.12; to do: correct DNS, or /etc/hosts on this host",
        ),
        refused(
          "name: the addresses of a and b both lead to 10.4.7.12; to do: correct DNS, or /etc/hosts on this host",
        ),
      ]);
    });

    test("of two members that lead to one address are refused", () => {
      expect(check({ ...RIGHT, "etcd-c.lab": "10.4.7.21" })).toEqual([
        refused(
          "name: the addresses of b and c both lead to 10.4.7.21; to do: correct DNS, or /etc/hosts on this host",
        ),
      ]);
    });

    test("that lead to another address of the host than the one at which etcd listens are refused, unless it listens at all", () => {
      const host = named({ ...RIGHT, "etcd-a.lab": "10.4.7.112" });
      hasAddresses(host, ["10.4.7.12", "10.4.7.112"]);
      expect(host.call("check_names").lines).toEqual([
        refused(
          "name: etcd-a.lab leads to 10.4.7.112 on this host, and etcd listens at 10.4.7.12; to do: set listenAddress to 10.4.7.112, or make etcd-a.lab lead to 10.4.7.12",
        ),
      ]);
      expect(host.call("check_names", { LISTEN_ADDRESS: "0.0.0.0" }).lines).toEqual([]);
      expect(host.call("check_names", { LISTEN_ADDRESS: "10.4.7.112" }).lines).toEqual([]);
    });

    test("that lead to this host and to another one are refused", () => {
      expect(check({ ...RIGHT, "etcd-a.lab": "10.4.7.12 10.4.7.99" })).toEqual([
        refused(
          "name: etcd-a.lab leads to this host, and to 10.4.7.99, which none of its interfaces has: the other members would not always reach this one; to do: leave only addresses of this host in DNS, or in /etc/hosts",
        ),
      ]);
    });

    describe("and addresses that no interface has, behind NAT,", () => {
      // Nothing listens at the peer port of 127.0.0.9, and a connection to TEST-NET-1 gets no answer.
      test("are accepted if the host reaches itself there", () => {
        const host = newHost();
        hasAddresses(host, ["10.4.7.12"]);
        const at = { ADDRESS: "127.0.0.9", LISTEN_ADDRESS: "10.4.7.12", PEER_URL: "https://127.0.0.9:9" };
        host.stub("timeout", "echo 'Connection refused' >&2; exit 1");
        expect(host.call(`check_way_back " 127.0.0.9"`, at).lines).toEqual([]);
      });

      test("are refused if it does not", () => {
        const host = named({ ...RIGHT, "etcd-a.lab": "192.0.2.12" });
        host.stub("timeout", 'shift; case $1 in bash) exit 124 ;; *) exec "$@" ;; esac');
        expect(host.call("check_names").lines).toEqual([
          refused(
            "name: this host does not reach itself at https://etcd-a.lab:2380 (192.0.2.12 is on none of its interfaces): the port neither accepts nor refuses connections; to do: let NAT and firewall pass connections from this host to that address; or give the member a DNS name as address, and add it to /etc/hosts on this host, with an address of the host",
          ),
        ]);
        // An address of the same kind that is no name.
        const data = {
          ADDRESS: "192.0.2.12",
          INITIAL_CLUSTER: "a=https://192.0.2.12:2380",
          PEER_URL: "https://192.0.2.12:2380",
        };
        expect(host.call("check_names", data).lines).toEqual([
          expect.stringContaining("name: this host does not reach itself at https://192.0.2.12:2380"),
        ]);
      });
    });
  });
});
