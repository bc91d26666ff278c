import type { EtcdClusterProps } from "../../src/settings";
import { validateProps } from "../../src/validation/validate-props";
import { RUNBOOK } from "../support/settings";

const errors = (props: Partial<EtcdClusterProps>) => validateProps({ ...RUNBOOK, ...props }).errors;
const members = (...some: Partial<EtcdClusterProps["members"][number]>[]) =>
  errors({ members: some.map((member, i) => ({ name: `etcd-${i}`, address: `10.4.7.${i + 1}`, ...member })) });

test.each<[title: string, problems: string[], problem: RegExp]>([
  ["supervisor's word for all programs", members({ name: "all" }), /"all" is reserved: supervisorctl takes it for all/],
  ["the same in capitals", members({ name: "All" }), /"All" is reserved/],
  ["supervisor's groups", members({ name: "etcd:*" }), /is not a legal name/],
  ["the plan's word", members({ name: "membership" }), /is reserved/],
  ["a name made of dots", members({ name: ".." }), /is not a legal name/],
  [
    "a host with an underscore",
    members({ hostName: "etcd_1" }),
    /hostName: "etcd_1" is not a host name; .* or leave it out$/,
  ],
  [
    "hosts that differ by case",
    members({ hostName: "a" }, { hostName: "A" }),
    /is also the host of members\[0\], as case does not matter/,
  ],
  ["a wildcard as a host", members({ hostName: "*.example.org" }), /is not a host name/],
  ["every host's own name", members({ hostName: "localhost" }), /is what every host calls itself/],
  ["another software's user", errors({ user: "www-data" }), /is a user of other software/],
  ["the user who may become root", errors({ user: "deploy", ssh: { user: "deploy" } }), /is also ssh\.user/],
  ["nobody", errors({ user: "nobody" }), /is a user of other software/],
  [
    "a privileged client port",
    errors({ ports: { client: 443 } }),
    /ports\.client: 443 is below 1024, .* runs as "etcd"/,
  ],
  ["a privileged peer port", errors({ ports: { peer: 380 } }), /ports\.peer: 380 is below 1024/],
  ...[
    "/tmp/etcd",
    "/run/etcd",
    "/dev/shm/etcd",
    "/var/tmp/x",
    "/var/run/etcd",
    "/etc/etcd",
    "/usr/lib/etcd",
    "/root/etcd",
  ].flatMap((path) =>
    (["installRoot", "dataDir", "logDir"] as const).map((prop): [string, string[], RegExp] => [
      `${prop} ${path}`,
      errors({ paths: { [prop]: path } }),
      new RegExp(`^paths\\.${prop}: "${path}" .*; give a directory elsewhere, e\\.g\\. /`),
    ]),
  ),
  ["a home directory", errors({ paths: { dataDir: "/home/alice/etcd" } }), /is in the home directory of a user/],
  [
    "this package's records",
    errors({ paths: { logDir: "/var/lib/cdktf-etcd/log" } }),
    /holds this package's own records/,
  ],
  ["other software's log", errors({ paths: { logDir: "/var/log/journal" } }), /belongs to the system/],
])("refused: %s", (_, problems, problem) => {
  expect(problems).toEqual([expect.stringMatching(problem)]);
});

test.each<[title: string, problems: string[]]>([
  ["a privileged port of root's", errors({ ports: { client: 443 }, user: "root" })],
  ["a log directory of several programs", errors({ paths: { logDir: "/data/logs" } })],
  [
    "a place below what the system has",
    errors({ paths: { installRoot: "/usr/local/etcd", dataDir: "/var/lib/etcd", logDir: "/var/log/etcd" } }),
  ],
])("legal: %s", (_, problems) => {
  expect(problems).toEqual([]);
});

test("names that differ by case work, with a warning", () => {
  const some = ["a", "A", "b"].map((name, i) => ({ name, address: `10.4.7.${i + 1}` }));
  expect(validateProps({ ...RUNBOOK, members: some })).toEqual({
    errors: [],
    warnings: ['members: the names "a" and "A" differ by case only; give one of them another'],
  });
});
