import * as fc from "fast-check";
import { endpoints } from "../../src/topology/endpoints";
import { initialCluster } from "../../src/topology/initial-cluster";
import { clientUrl, hostPort, peerUrl } from "../../src/topology/urls";

const member = (name: string, address: string) => ({
  name,
  peerUrl: peerUrl(address, 2380),
  clientUrl: clientUrl(address, 2379),
});
const runbook = [
  member("etcd-server-7-12", "10.4.7.12"),
  member("etcd-server-7-21", "10.4.7.21"),
  member("etcd-server-7-22", "10.4.7.22"),
];

test("an IPv4 address is unchanged, and an IPv6 address is put in brackets", () => {
  expect(hostPort("10.4.7.12", 2380)).toBe("10.4.7.12:2380");
  expect(hostPort("fd00::12", 2380)).toBe("[fd00::12]:2380");
});

test("an address that is a token is left unchanged", () => {
  expect(clientUrl("${TfToken[TOKEN.7]}", 2379)).toBe("https://${TfToken[TOKEN.7]}:2379");
});

test("initial-cluster names every member with its peer URL", () => {
  expect(initialCluster(runbook)).toBe(
    "etcd-server-7-12=https://10.4.7.12:2380,etcd-server-7-21=https://10.4.7.21:2380,etcd-server-7-22=https://10.4.7.22:2380",
  );
});

test("endpoints are the client URLs", () => {
  expect(endpoints(runbook)).toBe("https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379");
});

const members = fc.uniqueArray(
  fc.tuple(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/), fc.oneof(fc.ipV4(), fc.ipV6())),
  { minLength: 1, maxLength: 7, selector: ([name]) => name },
);

test("neither initial-cluster nor the endpoints depend on the order of the members", () => {
  const shuffled = members.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  fc.assert(
    fc.property(shuffled, ([one, other]) => {
      const [a, b] = [one, other].map((list) => list.map(([name, address]) => member(name, address)));
      expect(initialCluster(b)).toBe(initialCluster(a));
      expect(endpoints(b)).toBe(endpoints(a));
    }),
  );
});

test("initial-cluster can be read back as etcd reads it: split at the commas, then at the first =", () => {
  fc.assert(
    fc.property(members, (list) => {
      const read = initialCluster(list.map(([name, address]) => member(name, address)))
        .split(",")
        .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]);
      expect(Object.fromEntries(read)).toEqual(
        Object.fromEntries(list.map(([name, address]) => [name, peerUrl(address, 2380)])),
      );
      for (const [, url] of read) expect(new URL(url).port).toBe("2380");
    }),
  );
});
