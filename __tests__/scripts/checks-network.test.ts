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
    `for name; do :; done\ncase "$*" in "-s hosts:"*" ahosts "*) case $name in ${cases(names).join(" ")} esac ;; *) case $name in ${cases({ ...names, ...others }).join(" ")} esac ;; esac`,
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
      return host.call("check_routes", { LEAF_PEM_BASE64: base64(pki.withNames.cert), ...data }).lines;
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

    test("is refused if the certificate does not have it, and each one once", () => {
      const two = `${elsewhere}127.0.0.3 dev e src 10.9.9.9 uid 0\\n127.0.0.3 dev e src 10.9.9.8 uid 0\\n`;
      expect(check(newHost(), two)).toEqual([
        wrong,
        wrong.replace("to 127.0.0.2", "to 127.0.0.3").replace(/10\.9\.9\.9/g, "10.9.9.8"),
      ]);
    });

    test("is asked for the addresses at which the members with names listen", () => {
      const host = newHost();
      expect(check(host, elsewhere, { LISTEN_ADDRESSES: "10.4.7.12 fd00::2" })).toEqual([wrong]);
      expect(host.calls("ip")).toEqual(["route get 10.4.7.12", "route get fd00::2"]);
    });

    test("is not known without openssl, which another check says", () => {
      const host = newHost();
      host.stub("openssl", "exit 127");
      expect(check(host, elsewhere)).toEqual([]);
      expect(host.call("check_routes; echo then", { LEAF_PEM_BASE64: base64(pki.withNames.cert) }).lines).toEqual([
        "then",
      ]);
    });

    test("does not matter if the certificate has no names at all, because etcd then accepts every address", () => {
      expect(check(newHost(), elsewhere, { LEAF_PEM_BASE64: base64(pki.cert) })).toEqual([]);
    });
  });

  describe("the address at which etcd listens", () => {
    test("is accepted if one of the interfaces has it", () => {
      expect(newHost().call("check_address", { LISTEN_ADDRESS: "127.0.0.1" }).lines).toEqual([]);
    });

    test("is refused if no interface has it, with the addresses that the host has", () => {
      const host = newHost();
      host.stub(
        "ip",
        `case "$*" in *global*) printf '2: eth0    inet 10.4.7.12/24 brd 10.4.7.255 scope global eth0\\n3: eth1    inet6 fd00::12/64 scope global \\n' ;; esac`,
      );
      expect(host.call("check_address", { LISTEN_ADDRESS: "10.4.7.99" }).lines).toEqual([
        refused(
          "address: 10.4.7.99 is on none of this host's interfaces (10.4.7.12 fd00::12); to do: set the member's address (if that is a DNS name, its listenAddress) to one of these; even behind NAT, the other members must be able to reach that address itself",
        ),
      ]);
    });
  });

  describe("names", () => {
    const RIGHT = { "etcd-a.lab": "10.4.7.12", "etcd-b.lab": "fd00::21" };
    const NAMES = Object.entries(RIGHT)
      .map((pair) => pair.join("="))
      .join(" ");
    const check = (names: { readonly [name: string]: string }, data: { [fact: string]: string } = { NAMES }) => {
      const host = newHost();
      resolves(host, { ...RIGHT, ...names });
      return host.call("check_names", data).lines;
    };

    test("that lead each to the address at which its member listens are accepted", () => {
      expect(check({})).toEqual([]);
    });

    test("are accepted however the program spells the IPv6 address", () => {
      expect(check({}, { NAMES: "etcd-b.lab=FD00:0::0021" })).toEqual([]);
      expect(check({}, { NAMES: "etcd-b.lab=FD00:0::0022" })).toEqual([expect.stringContaining("leads to fd00::21")]);
      const both = { "etcd-b.lab": "fd00::21 fd00::22" };
      expect(check(both, { NAMES: "etcd-b.lab=FD00::22" })).toEqual([expect.stringContaining("fd00::21 fd00::22")]);
    });

    test("are not looked up where the members have IP addresses", () => {
      const host = newHost();
      host.stub("getent", 'echo called >>"$CALLS"');
      expect(host.call("check_names").lines).toEqual([]);
      expect(host.calls("getent")).toEqual([]);
    });

    test("are those of the program's members, with the addresses at which these listen", () => {
      const members: EtcdMemberProps[] = [
        { name: "a", address: "etcd-a.lab", listenAddress: "10.4.7.12" },
        { name: "b", address: "10.4.7.21" },
        { name: "c", address: "FD00::22", listenAddress: "fd00::22" },
      ];
      const facts = newHost({ props: { members } }).call('echo "$NAMES; $LISTEN_ADDRESSES"').lines;
      expect(facts).toEqual(["etcd-a.lab=10.4.7.12; 10.4.7.12 10.4.7.21 FD00::22"]);
    });

    test("that do not resolve are refused, also if another service of nsswitch.conf knows one", () => {
      const host = newHost();
      resolves(host, {}, RIGHT);
      expect(host.call("check_names", { NAMES }).lines).toEqual([
        refused(
          "name: etcd-a.lab does not resolve on this host by /etc/hosts or DNS, where alone etcd looks; to do: add it to DNS, or to /etc/hosts on all hosts, with the address 10.4.7.12",
        ),
        expect.stringContaining("name: etcd-b.lab does not resolve"),
      ]);
    });

    test("are looked up in the order of nsswitch.conf, where it has an order for /etc/hosts and DNS", () => {
      const asked = (line: string) => {
        const host = newHost();
        host.write("/etc/nsswitch.conf", `passwd: files systemd\n${line}\n`);
        host.stub("getent", 'echo "$2" >>"$CALLS"');
        host.call("addresses_of etcd-a.lab");
        return host.calls("getent");
      };
      expect(asked("hosts:\tmymachines resolve [!UNAVAIL=return] files myhostname dns")).toEqual(["hosts:files dns"]);
      expect(asked("hosts: dns [NOTFOUND=continue] files")).toEqual(["hosts:dns files"]);
      expect(asked("hosts: files")).toEqual(["hosts:files"]);
      expect(asked("hosts: resolve")).toEqual(["hosts:files dns"]);
      expect(asked("# no line")).toEqual(["hosts:files dns"]);
    });

    test("whose lookup takes too long are refused", () => {
      const host = newHost();
      host.stub("timeout", 'case $1 in 2) exit 124 ;; esac; shift; exec "$@"');
      expect(host.call("check_names", { NAMES: "etcd-a.lab=10.4.7.12" }).lines).toEqual([
        refused(
          "name: to look up etcd-a.lab takes longer than 2 s on this host, and etcd would not wait; to do: correct the name servers in /etc/resolv.conf, or add the name to /etc/hosts on all hosts",
        ),
      ]);
    });

    test("that lead to loopback are refused, with what to write into /etc/hosts", () => {
      expect(check({ "etcd-a.lab": "127.0.1.1" })).toEqual([
        refused(
          "name: etcd-a.lab leads to 127.0.1.1 on this host, and its etcd listens at 10.4.7.12; to do: in /etc/hosts on this host, put 10.4.7.12 in the place of 127.0.1.1 in the line with etcd-a.lab (Debian's installer writes such a line)",
        ),
      ]);
    });

    test.each(["10.4.7.99", "10.4.7.12 10.4.7.99", "10.4.7.12 fd00::12"])(
      "that lead to %s are refused: another machine could be taken for the member",
      (found) => {
        expect(check({ "etcd-a.lab": found })).toEqual([
          refused(
            `name: etcd-a.lab leads to ${found} on this host, and its etcd listens at 10.4.7.12; to do: make it lead to 10.4.7.12 alone, in DNS or in /etc/hosts; or correct the member's listenAddress`,
          ),
        ]);
      },
    );

    test.each(["etcd-a.lab.", "etcd_a", "-a", "fd00::12"])(
      "that are known only to Terraform are refused if they are none: %s",
      (name) => {
        expect(check({}, { NAMES: `${name}=10.4.7.12` })).toEqual([
          refused(
            `name: ${name}, the address of a member, is not a DNS name; to do: use letters, digits, - and ., without a dot at its end`,
          ),
        ]);
      },
    );
  });
});
