import { Lazy, Token } from "cdktf";
import { Construct } from "constructs";
import { CertificateAuthority } from "../../src/pki/certificate-authority";
import {
  AutoCompaction,
  BackupRetention,
  type EtcdBackupOptions,
  EtcdBackups,
  EtcdDefragmentation,
  type EtcdDefragmentationOptions,
  type EtcdClusterProps,
  type EtcdMemberProps,
  type RemovalPolicy,
  SshKey,
  type SshOptions,
} from "../../src/settings";
import { EtcdRelease } from "../../src/release/etcd-release";
import { validateProps } from "../../src/validation/validate-props";
import { RUNBOOK } from "../support/settings";
import { emptyStack } from "../support/synth";

const errors = (props: Partial<EtcdClusterProps>) => validateProps({ ...RUNBOOK, ...props }).errors;
const warnings = (props: Partial<EtcdClusterProps>) => validateProps({ ...RUNBOOK, ...props }).warnings;

/** The runbook's members, one of them changed. */
const withMember = (index: number, change: Partial<EtcdMemberProps>) => ({
  members: RUNBOOK.members.map((member, i) => (i === index ? { ...member, ...change } : member)),
});
const withSsh = (ssh: SshOptions) => ({ ssh: { ...RUNBOOK.ssh, ...ssh } });
const withBackups = (options: EtcdBackupOptions) => ({ backups: EtcdBackups.onHosts(options) });
const withDefragmentation = (options: EtcdDefragmentationOptions) => ({
  defragmentation: EtcdDefragmentation.onHosts(options),
});
const many = (count: number) => ({
  members: Array.from({ length: count }, (_, i) => ({ name: `etcd-${i}`, address: `10.4.7.${i + 1}` })),
});

/** Each prop that is true or false, and props with some value in its place. */
const SWITCHES: [prop: string, props: (value: unknown) => Partial<EtcdClusterProps>][] = [
  ["machinesInStack", (value) => ({ machinesInStack: value as boolean })],
  ["insecureLoopbackClientUrl", (value) => ({ insecureLoopbackClientUrl: value as boolean })],
  ["certificates.sharedPeerCertificate", (value) => ({ certificates: { sharedPeerCertificate: value as boolean } })],
  [
    "certificates.trustOwnAuthority",
    (value) => ({ certificates: { authority: oldCa, trustOwnAuthority: value as boolean } }),
  ],
];

const stack = emptyStack();
const importedCa = (id: string, certPem: string) =>
  CertificateAuthority.fromPem(stack, id, { certPem, privateKeyPem: "KEY" });
const oldCa = new CertificateAuthority(stack, "old");
const newCa = importedCa("new", "NEW");

test("the runbook's cluster has no problem", () => {
  expect(validateProps(RUNBOOK)).toEqual({ errors: [], warnings: [] });
});

test("all problems are reported at once", () => {
  expect(errors({ ...withMember(1, { address: "127.0.0.1" }), version: "latest", ports: { client: 2380 } })).toEqual([
    'members[1].address: "127.0.0.1" is a loopback address; use the address at which the other hosts reach this host, e.g. 10.4.7.21',
    'version: "latest" is not an etcd version; use X.Y.Z, e.g. 3.6.14',
    "ports: 2380 is both the peer and the client port; use two different ports, e.g. 2380 and 2379",
  ]);
});

describe("one invalid prop", () => {
  const cases: [rule: string, props: Partial<EtcdClusterProps>, problem: string][] = [
    [
      "defragmentation for a kilobyte",
      withDefragmentation({ minFreeBytes: 1024 }),
      "defragmentation.minFreeBytes: 1024 is out of range; use 1048576 (1 MiB) or more, in bytes",
    ],
    [
      "defragmentation when all of the database is free",
      withDefragmentation({ minFreePercent: 100 }),
      "defragmentation.minFreePercent: 100 is out of range; use a whole number from 1 to 95",
    ],
    [
      "defragmentation in a window without an end",
      withDefragmentation({ window: "01:00-01:00" }),
      'defragmentation.window: "01:00-01:00" is not a window of time; use two different times of the day in UTC, e.g. 01:00-04:30',
    ],
    [
      "defragmentation in a window after midnight, as people write it",
      withDefragmentation({ window: "23:00-24:00" }),
      'defragmentation.window: "23:00-24:00" is not a window of time; use two different times of the day in UTC, e.g. 01:00-04:30',
    ],
    [
      "defragmentation in a window that is not known",
      withDefragmentation({ window: Token.asString(Lazy.stringValue({ produce: () => "01:00-02:00" })) }),
      "defragmentation.window: a token is known only at apply; use a literal",
    ],
    [
      "defragmentation with an etcd that does not know how much is in use",
      { ...withDefragmentation({}), version: "3.3.27", release: EtcdRelease.github({ sha256: "a".repeat(64) }) },
      "defragmentation: etcd 3.3.27 does not say how much of its database is in use; use etcd 3.4 or later, or remove it and run etcdctl defrag by hand",
    ],
    [
      "defragmentation with an etcd that can damage its data",
      { ...withDefragmentation({}), version: "3.5.22", release: EtcdRelease.github({ sha256: "a".repeat(64) }) },
      "defragmentation: etcd 3.5.22 can damage its data if it is defragmented while it receives a snapshot; use 3.4.38, 3.5.23, 3.6.5 or later, or remove it",
    ],
    [
      "backups every 30 seconds",
      withBackups({ every: "30s" }),
      'backups.every: "30s" is not a Go duration from 1m to 168h; use e.g. 1h',
    ],
    [
      "backups every hour, in words",
      withBackups({ every: "hourly" }),
      'backups.every: "hourly" is not a Go duration from 1m to 168h; use e.g. 1h',
    ],
    [
      "backups at an interval that is not known",
      withBackups({ every: Token.asString(Lazy.stringValue({ produce: () => "1h" })) }),
      "backups.every: a token is known only at apply; use a literal",
    ],
    [
      "no backup kept",
      withBackups({ keep: BackupRetention.last(0) }),
      "backups.keep: 0 keeps no backup; use 1 or more",
    ],
    [
      "half a backup a day",
      withBackups({ keep: BackupRetention.exponential({ daily: 0.5 }) }),
      "backups.keep.daily: 0.5 is not a whole number; use 0 or more",
    ],
    [
      "a kilobyte of backups",
      withBackups({ maxBytes: 1024 }),
      "backups.maxBytes: 1024 is out of range; use 1048576 (1 MiB) or more, in bytes",
    ],
    [
      "an empty command after each backup",
      withBackups({ afterEach: { command: " " } }),
      'backups.afterEach.command: " " is empty; set a command',
    ],
    [
      "a timeout without a unit",
      withBackups({ afterEach: { command: "true", timeout: "15" } }),
      'backups.afterEach.timeout: "15" is not a Go duration of a second or more; use e.g. 15m',
    ],
    [
      "backups in a relative directory",
      withBackups({ directory: "backups" }),
      'backups.directory: "backups" is not a plain absolute path; use letters, digits, "@", ".", "_", "+" and "-" between single slashes, without a slash at the end',
    ],
    [
      "backups in the data directory",
      withBackups({ directory: "/data/etcd/etcd-server/backups" }),
      'backups.directory: "/data/etcd/etcd-server/backups" overlaps with paths.dataDir ("/data/etcd/etcd-server"); use directories that are not inside each other',
    ],
    [
      "backups among etcd's binaries, which a removal deletes",
      withBackups({ directory: "/opt/etcd-v3.6.14/backups" }),
      'backups.directory: "/opt/etcd-v3.6.14/backups" is in a directory of etcd\'s binaries, which a removal deletes; use a directory elsewhere, e.g. /data/backups',
    ],
    [
      "a command after each backup that may take no time",
      withBackups({ afterEach: { command: "true", timeout: "0s" } }),
      'backups.afterEach.timeout: "0s" is not a Go duration of a second or more; use e.g. 15m',
    ],
    [
      "backups among those of the system",
      withBackups({ directory: "/var/backups" }),
      'backups.directory: "/var/backups" belongs to the system; use a separate directory below it',
    ],
    [
      "backups in memory",
      withBackups({ directory: "/run/backups" }),
      'backups.directory: "/run/backups" is in memory and gone after a reboot; use a directory elsewhere, e.g. /data/backups',
    ],
    [
      "metrics in a relative directory",
      withBackups({ textfileDirectory: "textfile" }),
      'backups.textfileDirectory: "textfile" is not a plain absolute path; use letters, digits, "@", ".", "_", "+" and "-" between single slashes, without a slash at the end',
    ],
    [
      "something to wait for that is not there",
      { dependsOn: [undefined as never] },
      "dependsOn[0]: undefined has no address in Terraform; use a resource, a data source, a module or an EtcdCluster",
    ],
    [
      "something to wait for that Terraform does not know",
      { dependsOn: [new Construct(stack, "firewall") as never] },
      'dependsOn[0]: "etcd/firewall" has no address in Terraform; use a resource, a data source, a module or an EtcdCluster',
    ],
    ["no members", many(0), "members: has 0 entries; use 1 to 7, preferably 3 or 5"],
    ["eight members", many(8), "members: has 8 entries; use 1 to 7, preferably 3 or 5"],

    [
      "a name with =",
      withMember(0, { name: "a=b" }),
      'members[0].name: "a=b" is not a valid name; use 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or a digit, e.g. etcd-1',
    ],
    [
      "a name of 64 characters",
      withMember(0, { name: "a".repeat(64) }),
      `members[0].name: "${"a".repeat(64)}" is not a valid name; use 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or a digit, e.g. etcd-1`,
    ],
    [
      "the same name twice",
      withMember(2, { name: "etcd-server-7-12" }),
      'members[2].name: "etcd-server-7-12" is also the name of members[0]; use another name',
    ],
    [
      "a token as a name",
      withMember(0, { name: Lazy.stringValue({ produce: () => "a" }) }),
      "members[0].name: a token is known only at apply; use a literal name, because it is the member's identity in Terraform",
    ],

    [
      "a DNS name as an address, without an address to listen at",
      withMember(1, { address: "hdss7-21" }),
      'members[1].address: "hdss7-21" is a DNS name, and etcd cannot listen on a name; set members[1].listenAddress to the IP address of the host, e.g. 10.4.7.21',
    ],
    ...["fe80::1%eth0", "10.4.7", "1.2.3.4.", "0x0a04070c", "etcd-1.example.org.", "etcd_1", "*.example.org", ""].map(
      (address): [string, Partial<EtcdClusterProps>, string] => [
        `"${address}" as an address`,
        withMember(1, { address, listenAddress: "10.4.7.21" }),
        `members[1].address: "${address}" is neither an IP address nor a DNS name; use IPv4 or IPv6 without brackets, port or zone, e.g. 10.4.7.21, or a name without a dot at its end, e.g. etcd-1.example.org`,
      ],
    ),
    ...["localhost", "LocalHost.localdomain", "etcd.localhost", "ip6-localhost"].map(
      (address): [string, Partial<EtcdClusterProps>, string] => [
        `${address} as an address`,
        withMember(1, { address, listenAddress: "10.4.7.21" }),
        `members[1].address: "${address}" is a name that every host uses for itself; use the name by which the other hosts reach this host`,
      ],
    ),
    [
      "one DNS name for two members, in two spellings",
      {
        members: ["etcd.example.org", "ETCD.example.org", "etcd-3"].map((address, i) => ({
          name: `etcd-${i}`,
          address,
          listenAddress: `10.4.7.${i + 1}`,
        })),
      },
      'members[1].address: "ETCD.example.org" is also the address of members[0]; use another address',
    ],
    [
      "the host name of another member as an address",
      withMember(1, { address: "HDSS7-22", listenAddress: "10.4.7.21" }),
      'members[1].address: "HDSS7-22" is the hostName of members[2]; give each member a name of its own',
    ],
    [
      "a DNS name to listen at",
      withMember(1, { address: "etcd-1", listenAddress: "etcd-1" }),
      'members[1].listenAddress: "etcd-1" is not an IP address; use IPv4 or IPv6 without brackets, port or zone, e.g. 10.4.7.21',
    ],
    ...[
      ["127.0.0.1", "a loopback address"],
      ["0.0.0.0", "an unspecified address"],
      ["0::0", "an unspecified address"],
    ].map(([listenAddress, kind]): [string, Partial<EtcdClusterProps>, string] => [
      `${kind} to listen at: ${listenAddress}`,
      withMember(1, { address: "etcd-1", listenAddress }),
      `members[1].listenAddress: "${listenAddress}" is ${kind}; use an address of the host that the other hosts reach, e.g. 10.4.7.21`,
    ]),
    [
      "an IP address, and another one to listen at",
      withMember(1, { listenAddress: "10.4.7.99" }),
      'members[1].listenAddress: "10.4.7.99" is not members[1].address, "10.4.7.21", and an address of its own is only for a DNS name; leave listenAddress out, or use a DNS name as address',
    ],
    [
      "two DNS names, and one address to listen at",
      {
        members: ["FD00::1", "fd00::1", "fd00::2"].map((listenAddress, i) => ({
          name: `etcd-${i}`,
          address: `etcd-${i}.example.org`,
          listenAddress,
        })),
      },
      'members[1].listenAddress: "fd00::1" is also that of members[0]; use the address of the member\'s own host',
    ],
    [
      "metrics at the address at which one member listens",
      {
        ...withMember(1, { address: "etcd-1", listenAddress: "10.4.7.99" }),
        listenMetricsUrls: ["http://10.4.7.99:2381"],
      },
      'listenMetricsUrls[0]: "http://10.4.7.99:2381" has the address of one member, but every member gets this URL; use 0.0.0.0 or 127.0.0.1',
    ],
    ...[
      ["127.8.8.8", "a loopback address"],
      ["::1", "a loopback address"],
      ["::ffff:127.0.0.1", "a loopback address"],
      ["0.0.0.0", "an unspecified address"],
      ["::", "an unspecified address"],
      ["224.0.0.1", "a multicast address"],
      ["255.255.255.255", "a broadcast address"],
      ["fe80::1", "a link-local address"],
    ].map(([address, kind]): [string, Partial<EtcdClusterProps>, string] => [
      `${kind}, ${address}`,
      withMember(1, { address }),
      `members[1].address: "${address}" is ${kind}; use the address at which the other hosts reach this host, e.g. 10.4.7.21`,
    ]),
    [
      "the same address twice",
      withMember(2, { address: "10.4.7.12" }),
      'members[2].address: "10.4.7.12" is also the address of members[0]; use another address',
    ],
    [
      "the same IPv6 address in two spellings",
      {
        members: [
          { name: "a", address: "fd00::1" },
          { name: "b", address: "FD00:0::1" },
          { name: "c", address: "fd00::3" },
        ],
      },
      'members[1].address: "FD00:0::1" is also the address of members[0]; use another address',
    ],
    [
      "an address as a host name",
      withMember(0, { hostName: "10.4.7.12" }),
      'members[0].hostName: "10.4.7.12" is not a host name; use letters, digits, "-" and ".", as in DNS, or leave it out',
    ],
    [
      "the same host name twice",
      withMember(1, { hostName: "hdss7-12" }),
      'members[1].hostName: "hdss7-12" is also the host of members[0]; give each member a host of its own',
    ],

    [
      "a machine without an id",
      withMember(1, { machine: "" }),
      'members[1].machine: "" is not an id; use what identifies the machine, e.g. the id of its resource, or leave it out',
    ],
    [
      "one machine for two members",
      { members: RUNBOOK.members.map((member) => ({ ...member, machine: member.name.replace("22", "21") })) },
      'members[2].machine: "etcd-server-7-21" is also the machine of members[1]; give each member a machine of its own',
    ],
    ...["DESTROY", "delete", "x'; true; '"].map((policy): [string, Partial<EtcdClusterProps>, string] => [
      `the removal policy ${policy}`,
      { removalPolicy: policy as RemovalPolicy },
      `removalPolicy: "${policy}" is not a removal policy; use RemovalPolicy.RETAIN or RemovalPolicy.DESTROY`,
    ]),
    ...SWITCHES.flatMap(([prop, props]): [string, Partial<EtcdClusterProps>, string][] => [
      [`${prop}, as a text`, props("false"), `${prop}: "false" is not a boolean; use true or false, without quotes`],
      [
        `${prop} that is not known`,
        props(Lazy.anyValue({ produce: () => false })),
        `${prop}: must be known at synth; use true or false`,
      ],
    ]),
    [
      "machines in the stack without an id",
      {
        machinesInStack: true,
        members: RUNBOOK.members.map((member, i) => ({ ...member, machine: i ? `m${i}` : undefined })),
      },
      "members[0].machine: is missing, and machinesInStack is true; set it to the id of the machine's resource, so that the member is taken out of the cluster before its machine is replaced",
    ],
    ...[-1, 1.5].map((reprovision): [string, Partial<EtcdClusterProps>, string] => [
      `reprovision ${reprovision}`,
      withMember(1, { reprovision }),
      `members[1].reprovision: ${reprovision} is not a non-negative whole number; use 0, or one more than in the last deploy`,
    ]),

    ["an invalid SSH port", withSsh({ port: 0 }), "ssh.port: 0 is not a TCP port; use 1 to 65535"],
    [
      "an invalid SSH port of a member",
      withMember(1, { ssh: { port: 65536 } }),
      "members[1].ssh.port: 65536 is not a TCP port; use 1 to 65535",
    ],
    [
      "an invalid port of a bastion",
      withSsh({ bastionHost: "jump", bastionPort: 2.5 }),
      "ssh.bastionPort: 2.5 is not a TCP port; use 1 to 65535",
    ],
    [
      "a timeout without a unit",
      withSsh({ timeout: "30" }),
      'ssh.timeout: "30" is not a Go duration; use e.g. 30s or 2m',
    ],
    [
      "a relative script path",
      withSsh({ scriptPath: "t.sh" }),
      'ssh.scriptPath: "t.sh" is not a path that Terraform can use: it must start with / or ./, contain %RAND%, and have a file name that nothing else has; use e.g. /root/terraform_%RAND%.sh',
    ],
    [
      "a script path that is the same for every script",
      withSsh({ scriptPath: "/root/t.sh" }),
      'ssh.scriptPath: "/root/t.sh" is not a path that Terraform can use: it must start with / or ./, contain %RAND%, and have a file name that nothing else has; use e.g. /root/terraform_%RAND%.sh',
    ],
    [
      "a script path that a shell would split into several words",
      withSsh({ scriptPath: "/root/my scripts/%RAND%.sh" }),
      'ssh.scriptPath: "/root/my scripts/%RAND%.sh" is not a path that Terraform can use: it must start with / or ./, contain %RAND%, and have a file name that nothing else has; use e.g. /root/terraform_%RAND%.sh',
    ],
    [
      "a script path in a directory that every user can write to",
      withSsh({ scriptPath: "/var/tmp/terraform_%RAND%.sh" }),
      'ssh.scriptPath: "/var/tmp/terraform_%RAND%.sh" is in a directory that all users can write to, so they could change the script before it becomes root; use a file in a directory that only the SSH user can enter',
    ],
    [
      "a literal key, which the message does not repeat",
      { ssh: { key: SshKey.pem("PEM") } },
      "ssh.key: a literal key would be written into the synthesized JSON; use SshKey.file(), or SshKey.pem() with a sensitive TerraformVariable",
    ],
    [
      "one SSH host for two members",
      {
        members: [
          { name: "a", address: "10.4.7.12", ssh: { host: "gateway" } },
          { name: "b", address: "10.4.7.21", ssh: { host: "gateway" } },
          { name: "c", address: "10.4.7.22", ssh: { host: "gateway", port: 2222 } },
        ],
      },
      'ssh: "a" and "b" are both reached at gateway:22; give each member a host of its own',
    ],
    [
      "a bastion's user without a bastion",
      withSsh({ bastionUser: "hop" }),
      "ssh.bastionUser: has no effect without bastionHost; set bastionHost, too, or leave this out",
    ],

    ["a version with a v", { version: "v3.6.14" }, 'version: "v3.6.14" is not an etcd version; use X.Y.Z, e.g. 3.6.14'],
    [
      "a version that does not exist yet",
      { version: "3.8.0" },
      'version: "3.8.0" has a minor version that this package does not know; use 3.1 to 3.7',
    ],
    [
      "a version that corrupts data",
      { version: "3.5.1" },
      'version: "3.5.1" is refused: 3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later',
    ],
    [
      "a token as a version",
      {
        version: Lazy.stringValue({ produce: () => "3.6.14" }),
        release: EtcdRelease.github({ sha256: "a".repeat(64) }),
      },
      "version: a token is known only at apply; use a literal, because the flags and the digest depend on it",
    ],
    [
      "a version without a known digest",
      { version: "3.6.99" },
      'version: the digest of "3.6.99" is not known; pass it to the release, e.g. EtcdRelease.github({ sha256: "…" })',
    ],
    [
      "an invalid digest",
      { release: EtcdRelease.github({ sha256: "abc" }) },
      'release: "abc" is not a SHA-256 digest; use 64 lower-case hex digits, as sha256sum prints them',
    ],
    [
      "an invalid mirror URL",
      { release: EtcdRelease.mirror("ftp://mirror.example") },
      'release: "ftp://mirror.example/vX.Y.Z/etcd-vX.Y.Z-linux-ARCH.tar.gz" is not a URL that a host can download from; use https://… or http://… for the mirror, without "?" and "#", and percent-encode them and "/" in a password',
    ],
    ...(
      [
        ["https://user:sec/ret@mirror.example", "…@mirror.example/"],
        ["https://user:sec#ret@mirror.example", "…@mirror.example/"],
        ["user:secret@mirror.example", "…@mirror.example/"],
        ["https://mirror.example/?token=secret", "https://mirror.example/?…"],
        ["https://mirror.example\n", "https://mirror.example\\n/"],
      ] as const
    ).map(([url, shown]): [string, Partial<EtcdClusterProps>, string] => [
      `the mirror ${url}`,
      { release: EtcdRelease.mirror(url) },
      `release: "${shown}${shown.endsWith("…") ? "" : "vX.Y.Z/etcd-vX.Y.Z-linux-ARCH.tar.gz"}" is not a URL that a host can download from; use https://… or http://… for the mirror, without "?" and "#", and percent-encode them and "/" in a password`,
    ]),
    [
      "a URL with a password in the place of a path",
      { release: EtcdRelease.localArchive("https://user:secret@mirror.example/etcd.tar.gz") },
      'release: "…@mirror.example/etcd.tar.gz" is not the path of an archive; use e.g. downloads/etcd-v3.6.14-linux-amd64.tar.gz, or EtcdRelease.mirror() for a URL',
    ],

    [
      "a flag with dashes",
      { extraFlags: { "--max-wals": "3" } },
      'extraFlags["--max-wals"]: starts with dashes; use "max-wals"',
    ],
    [
      "a flag that a prop owns",
      { extraFlags: { "quota-backend-bytes": "1" } },
      'extraFlags["quota-backend-bytes"]: cannot be set here; use quotaBackendBytes',
    ],
    [
      "a flag that a deploy owns",
      { extraFlags: { "initial-cluster-state": "new" } },
      'extraFlags["initial-cluster-state"]: cannot be set here; a deploy decides it from what it finds on the hosts',
    ],
    [
      "a flag of another version",
      { extraFlags: { "enable-v2": "true" } },
      'extraFlags["enable-v2"]: etcd 3.6.14 does not know this flag and would not start; it exists in 3.2 to 3.5: leave it out',
    ],
    [
      "a flag that no version has",
      { extraFlags: { "snapshot-cuont": "1" } },
      'extraFlags["snapshot-cuont"]: etcd 3.6.14 does not know this flag and would not start; no version from 3.1 to 3.7 knows it: check the spelling',
    ],
    [
      "a flag's value with a line break",
      { extraFlags: { "max-wals": "3\n" } },
      'extraFlags["max-wals"]: "3\\n" contains a line break or another control character; leave it out',
    ],
    [
      "a prop that this version does not support",
      { version: "3.2.15", autoCompaction: AutoCompaction.revision(1000) },
      "autoCompaction: etcd 3.2.15 has no --auto-compaction-mode and would not start; the flag exists in 3.3 to 3.7: use AutoCompaction.periodic()",
    ],
    [
      "a metrics URL without a port",
      { listenMetricsUrls: ["http://127.0.0.1"] },
      'listenMetricsUrls[0]: "http://127.0.0.1" is not a URL that etcd can listen on; use a scheme, an IP address and a port, e.g. http://127.0.0.1:2381',
    ],
    [
      "a metrics URL with the client port",
      { listenMetricsUrls: ["http://127.0.0.1:2379"] },
      'listenMetricsUrls[0]: "http://127.0.0.1:2379" uses the peer port or the client port; use another port, e.g. 2381',
    ],
    [
      "a metrics URL with another spelling of the address of one member",
      { ...withMember(1, { address: "fd00::12" }), listenMetricsUrls: ["http://[FD00:0::12]:2381"] },
      'listenMetricsUrls[0]: "http://[FD00:0::12]:2381" has the address of one member, but every member gets this URL; use 0.0.0.0 or 127.0.0.1',
    ],
    [
      "a metrics URL with the address of one member",
      { listenMetricsUrls: ["http://10.4.7.12:2381"] },
      'listenMetricsUrls[0]: "http://10.4.7.12:2381" has the address of one member, but every member gets this URL; use 0.0.0.0 or 127.0.0.1',
    ],

    [
      "a quota in GiB",
      { quotaBackendBytes: 8 },
      "quotaBackendBytes: 8 is out of range; use 1048576 (1 MiB) to 8589934592 (8 GiB), in bytes",
    ],
    [
      "a quota over 8 GiB",
      { quotaBackendBytes: 8589934593 },
      "quotaBackendBytes: 8589934593 is out of range; use 1048576 (1 MiB) to 8589934592 (8 GiB), in bytes",
    ],
    [
      "a heartbeat interval of 0",
      { heartbeatInterval: 0 },
      "heartbeatInterval: 0 is not a number of milliseconds; use e.g. 100",
    ],
    [
      "an election timeout above the limit",
      { electionTimeout: 50001 },
      "electionTimeout: 50001 is out of range; use at most 50000, in milliseconds",
    ],
    [
      "an election timeout shorter than five heartbeats",
      { heartbeatInterval: 100, electionTimeout: 499 },
      "electionTimeout: 499 is less than five times heartbeatInterval (100); use 500 or more, preferably 1000",
    ],
    [
      "a heartbeat interval too long for the default election timeout",
      { heartbeatInterval: 201 },
      "electionTimeout: 1000 (etcd's default) is less than five times heartbeatInterval (201); use 1005 or more, preferably 2010",
    ],
    [
      "a retention that is neither hours nor a duration",
      { autoCompaction: AutoCompaction.periodic("12 hours") },
      'autoCompaction: "12 hours" is neither a whole number of hours nor a Go duration; use e.g. 12 or 30m',
    ],
    [
      "a retention that is too long for Go",
      { autoCompaction: AutoCompaction.periodic("9999999h") },
      'autoCompaction: "9999999h" is neither a whole number of hours nor a Go duration; use e.g. 12 or 30m',
    ],
    [
      "hours that are too many for Go",
      { autoCompaction: AutoCompaction.periodic("2562048") },
      'autoCompaction: "2562048" is neither a whole number of hours nor a Go duration; use e.g. 12 or 30m',
    ],
    [
      "a timeout that is too long for Go",
      withSsh({ timeout: "3000000h" }),
      'ssh.timeout: "3000000h" is not a Go duration; use e.g. 30s or 2m',
    ],
    [
      "a flag whose duration is too long for Go",
      { extraFlags: { "grpc-keepalive-timeout": "9223372037s" } },
      'extraFlags["grpc-keepalive-timeout"]: "9223372037s" is not a Go duration; use e.g. 30s or 5m',
    ],
    [
      "a fraction of a revision",
      { autoCompaction: AutoCompaction.revision(1.5) },
      "autoCompaction: 1.5 is not a number of revisions; use e.g. 1000",
    ],
    [
      "a duration for an old etcd",
      { version: "3.2.15", autoCompaction: AutoCompaction.periodic("12h") },
      'autoCompaction: "12h" is not a whole number of hours, and etcd before 3.3 accepts nothing else; use e.g. 12',
    ],

    [
      "an invalid peer port",
      { ports: { peer: 70000 } },
      "ports.peer: 70000 is not a TCP port; use 1 to 65535, e.g. 2380",
    ],
    [
      "an invalid client port",
      { ports: { client: -1 } },
      "ports.client: -1 is not a TCP port; use 1 to 65535, e.g. 2379",
    ],
    [
      "one port for both peers and clients",
      { ports: { peer: 2379 } },
      "ports: 2379 is both the peer and the client port; use two different ports, e.g. 2380 and 2379",
    ],
    ...["opt", "/opt/", "/a b", "/a/../b", "/a//b", "/", "/a/."].map(
      (path): [string, Partial<EtcdClusterProps>, string] => [
        `the path ${path}`,
        { paths: { installRoot: path } },
        `paths.installRoot: "${path}" is not a plain absolute path; use letters, digits, "@", ".", "_", "+" and "-" between single slashes, without a slash at the end`,
      ],
    ),
    [
      "a system directory for data",
      { paths: { dataDir: "/var/lib" } },
      'paths.dataDir: "/var/lib" belongs to the system; use a separate directory below it',
    ],
    [
      "a log directory in the data directory",
      { paths: { logDir: "/data/etcd/etcd-server/log" } },
      'paths.logDir: "/data/etcd/etcd-server/log" overlaps with paths.dataDir ("/data/etcd/etcd-server"); use directories that are not inside each other',
    ],
    [
      "a supervisor file with an extension",
      { paths: { supervisorProgramFile: "etcd.ini" } },
      'paths.supervisorProgramFile: "etcd.ini" is not a plain file name; use letters, digits, "_" and "-", without an extension, e.g. etcd-server',
    ],
    [
      "a user with a blank",
      { user: "etcd user" },
      'user: "etcd user" is not a valid name for a system user; use 1 to 32 lower-case letters, digits, "_" or "-", e.g. etcd',
    ],

    [
      "no validity",
      { certificates: { validityHours: 0, earlyRenewalHours: -1 } },
      "certificates.validityHours: 0 is not a number of hours; use 1 or more",
    ],
    [
      "a negative early renewal",
      { certificates: { earlyRenewalHours: -1 } },
      "certificates.earlyRenewalHours: -1 is not a number of hours; use 0 or more",
    ],
    [
      "an early renewal as long as the validity",
      { certificates: { validityHours: 720 } },
      "certificates.earlyRenewalHours: 720 is not less than validityHours (720), so every apply would renew the certificate; use less",
    ],
    [
      "an empty common name",
      { certificates: { commonName: "" } },
      'certificates.commonName: "" is not a common name; use 1 to 64 characters',
    ],
    [
      "an address as a DNS name",
      { certificates: { dnsNames: ["etcd.example", "10.4.7.100"] } },
      'certificates.dnsNames[1]: "10.4.7.100" is not a DNS name; use e.g. etcd.example.org',
    ],
    [
      "a name as an IP address",
      { certificates: { ipAddresses: ["vip"] } },
      'certificates.ipAddresses[0]: "vip" is not an IP address; use e.g. 10.4.7.100',
    ],
    [
      "trust in the cluster's own CA, which signs anyway",
      { certificates: { trustOwnAuthority: true } },
      "certificates.trustOwnAuthority: has no effect without authority, because the cluster's own CA signs in any case; set authority, too, or leave this out",
    ],
    [
      "the CA that signs among the other trusted CAs",
      { certificates: { authority: newCa, trustedAuthorities: [oldCa, newCa] } },
      "certificates.trustedAuthorities[1]: is the same CA as authority, which is trusted anyway; leave it out",
    ],
    [
      "the CA that signs, imported again, among the other trusted CAs",
      { certificates: { authority: newCa, trustedAuthorities: [importedCa("again", "NEW\n")] } },
      "certificates.trustedAuthorities[0]: is the same CA as authority, which is trusted anyway; leave it out",
    ],
    [
      "the same trusted CA twice",
      { certificates: { trustedAuthorities: [oldCa, newCa, oldCa] } },
      "certificates.trustedAuthorities[2]: is the same CA as trustedAuthorities[0]; leave it out",
    ],
    [
      "an empty directory for the operator's credentials",
      { operatorCredentials: { directory: "" } },
      'operatorCredentials.directory: "" is not a directory; use e.g. "credentials"',
    ],
  ];

  test.each(cases)("%s gives exactly this problem", (_, props, problem) => {
    expect(errors(props)).toContain(problem);
  });

  test.each(cases.filter(([rule]) => !["no validity"].includes(rule)))(
    "%s gives one problem, not several",
    (_, props) => {
      expect(errors(props)).toHaveLength(1);
    },
  );
});

describe("warnings", () => {
  test("an even number of members gives a warning", () => {
    expect(warnings(many(4))).toEqual([
      "members: 4 members survive no more failures than 3, but need one more for a quorum; use 3 or 5",
    ]);
  });

  test("a mirror's password in the program gives a warning", () => {
    expect(warnings({ release: EtcdRelease.mirror("https://user:secret@mirror.example") })).toEqual([
      "release: the password in the mirror's URL is written into the synthesized JSON; put a sensitive TerraformVariable in its place",
    ]);
  });

  test("a version that no longer gets fixes gives a warning", () => {
    expect(warnings({ version: "3.3.10" })).toEqual([
      'version: "3.3.10": etcd 3.3 no longer gets fixes; plan an upgrade to 3.6',
    ]);
  });
});

test("tokens are accepted wherever they are allowed", () => {
  const token = Lazy.stringValue({ produce: () => "later" });
  const number = Token.asNumber(Lazy.numberValue({ produce: () => 1 }));
  const props: EtcdClusterProps = {
    members: [
      {
        name: "etcd-1",
        address: token,
        hostName: token,
        ssh: { host: token, port: number },
        reprovision: number,
        machine: token,
      },
    ],
    ssh: {
      key: SshKey.pem(token),
      bastionKey: SshKey.file(token),
      bastionHost: token,
      bastionPort: number,
      timeout: token,
      scriptPath: token,
    },
    ports: { peer: number },
    paths: { installRoot: token, supervisorProgramFile: token },
    user: token,
    quotaBackendBytes: number,
    heartbeatInterval: number,
    autoCompaction: AutoCompaction.periodic(token),
    extraFlags: { "max-wals": token },
    listenMetricsUrls: [token],
    certificates: {
      trustedAuthorities: [importedCa("later", token)],
      commonName: token,
      dnsNames: [token],
      ipAddresses: [token],
      validityHours: number,
    },
    release: EtcdRelease.mirror(token, { sha256: token }),
  };
  expect(validateProps(props)).toEqual({ errors: [], warnings: [] });
  expect(errors({ autoCompaction: AutoCompaction.revision(number) })).toEqual([]);
});

test("valid props of every kind are accepted", () => {
  expect(
    errors({
      members: [
        { name: "Etcd_1.a", address: "fd00::1", hostName: "a.example.org", reprovision: 2, machine: "i-0123" },
        { name: "b", address: "169.254.7.7", ssh: { port: 2222, timeout: "1m30s" } },
        { name: "c", address: "192.168.0.1" },
      ],
      version: "3.7.1",
      ports: { peer: 12380, client: 12379 },
      paths: {
        installRoot: "/usr/local",
        dataDir: "/data/etcd",
        logDir: "/var/log/etcd",
        supervisorProgramFile: "etcd_2",
      },
      quotaBackendBytes: 8589934592,
      heartbeatInterval: 100,
      electionTimeout: 500,
      autoCompaction: AutoCompaction.revision(1000),
      extraFlags: { "snapshot-count": "10000" },
      listenMetricsUrls: ["http://0.0.0.0:2381", "https://[::1]:2382"],
      certificates: {
        authority: newCa,
        trustOwnAuthority: true,
        trustedAuthorities: [oldCa],
        dnsNames: ["*.etcd.example"],
        ipAddresses: ["fd00::100"],
        validityHours: 48,
        earlyRenewalHours: 0,
      },
    }),
  ).toEqual([]);
});
