import type { EtcdClusterProps } from "../../src/settings";
import { validateProps } from "../../src/validation/validate-props";
import { RUNBOOK } from "../support/settings";

const errors = (props: Partial<EtcdClusterProps>) => validateProps({ ...RUNBOOK, ...props }).errors;
const members = (...some: Partial<EtcdClusterProps["members"][number]>[]) =>
  errors({ members: some.map((member, i) => ({ name: `etcd-${i}`, address: `10.4.7.${i + 1}`, ...member })) });

test.each<[title: string, problems: string[], problem: RegExp]>([
  ["supervisor's word for all programs", members({ name: "all" }), /"all" is reserved: supervisorctl reads it as all/],
  ["supervisor's word for all programs in another case", members({ name: "All" }), /"All" is reserved/],
  ["supervisor's groups", members({ name: "etcd:*" }), /is not a valid name/],
  ["a name that the plan uses", members({ name: "membership" }), /is reserved/],
  ["the other name that the plan uses", members({ name: "stages" }), /is reserved/],
  ["the name of a lock on the host", members({ name: "claims" }), /is reserved/],
  ["a name made of dots", members({ name: ".." }), /is not a valid name/],
  [
    "a host name with an underscore",
    members({ hostName: "etcd_1" }),
    /hostName: "etcd_1" is not a host name; .* or leave it out$/,
  ],
  [
    "host names that differ only by case",
    members({ hostName: "a" }, { hostName: "A" }),
    /is also the host of members\[0\] \(case does not matter\)/,
  ],
  ["a wildcard as a host name", members({ hostName: "*.example.org" }), /is not a host name/],
  [
    "the name that every host has for itself",
    members({ hostName: "localhost" }),
    /is a name that every host uses for itself/,
  ],
  ["a user of other software", errors({ user: "www-data" }), /belongs to other software/],
  ["the SSH user, who may become root", errors({ user: "deploy", ssh: { user: "deploy" } }), /is also ssh\.user/],
  [
    "the SSH user etcd, if the program leaves the user out",
    errors({ ssh: { user: "etcd" } }),
    /^user: "etcd" is also ssh\.user, .*e\.g\. etcd-server$/,
  ],
  ["nobody", errors({ user: "nobody" }), /belongs to other software/],
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
      new RegExp(`^paths\\.${prop}: "${path}" .*; use a directory elsewhere, e\\.g\\. /`),
    ]),
  ),
  ["a home directory", errors({ paths: { dataDir: "/home/alice/etcd" } }), /is in the home directory of a user/],
  [
    "the directory of this package's records",
    errors({ paths: { logDir: "/var/lib/cdktf-etcd/log" } }),
    /holds this package's own records/,
  ],
  ["a log directory of other software", errors({ paths: { logDir: "/var/log/journal" } }), /belongs to the system/],
])("refused: %s", (_, problems, problem) => {
  expect(problems).toEqual([expect.stringMatching(problem)]);
});

test.each<[title: string, problems: string[]]>([
  ["a privileged port if etcd runs as root", errors({ ports: { client: 443 }, user: "root" })],
  ["a log directory that several programs may share", errors({ paths: { logDir: "/data/logs" } })],
  [
    "directories below those of the system",
    errors({ paths: { installRoot: "/usr/local/etcd", dataDir: "/var/lib/etcd", logDir: "/var/log/etcd" } }),
  ],
  ["a name that every object in JavaScript has", members({ name: "constructor" })],
])("accepted: %s", (_, problems) => {
  expect(problems).toEqual([]);
});

test("names that differ only by case are accepted with a warning", () => {
  const some = ["a", "A", "b"].map((name, i) => ({ name, address: `10.4.7.${i + 1}` }));
  expect(validateProps({ ...RUNBOOK, members: some })).toEqual({
    errors: [],
    warnings: ['members: the names "a" and "A" differ only by case; give one of them another name'],
  });
});
