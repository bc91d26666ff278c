import { EtcdCluster } from "../../src/etcd-cluster";
import { type EtcdClusterProps, SshKey, type SshOptions } from "../../src/settings";
import { EtcdRelease } from "../../src/release/etcd-release";
import { validateProps } from "../../src/validation/validate-props";
import { RUNBOOK } from "../support/settings";
import { emptyStack } from "../support/synth";

const errors = (props: Partial<EtcdClusterProps>) => validateProps({ ...RUNBOOK, ...props }).errors;
const ssh = (options: SshOptions) =>
  errors({ members: RUNBOOK.members.slice(0, 1), ssh: { ...RUNBOOK.ssh, ...options } });

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0b0x8V0cPzqJ9nq3h5s1w2e3r4t5y6u7i8o9p0a1s2";

test.each<[title: string, problems: string[], problem: RegExp]>([
  ["a user in the host", ssh({ host: "deploy@10.4.7.12" }), /ssh\.host: .*; use "10\.4\.7\.12", and user: "deploy"$/],
  ["a port in the host", ssh({ host: "10.4.7.12:2222" }), /; use "10\.4\.7\.12", and port: 2222$/],
  [
    "a URL as the host",
    ssh({ host: "ssh://deploy@h.example:2222/" }),
    /; use "h\.example", and user: "deploy", and port: 2222$/,
  ],
  ["brackets around the host", ssh({ host: "[fd00::1]" }), /; use "fd00::1"$/],
  ["a blank in the host", ssh({ host: "a b" }), /; use e\.g\. 10\.4\.7\.12$/],
  [
    "a port in the bastion",
    ssh({ bastionHost: "jump.example:2222" }),
    /ssh\.bastionHost: .*; use "jump\.example", and bastionPort: 2222$/,
  ],
  ["a user in the bastion", ssh({ bastionHost: "ops@jump.example" }), /, and bastionUser: "ops"$/],
  ["an empty user", ssh({ user: "" }), /ssh\.user: "" is not a login name; use e\.g\. root$/],
  ["a host in the user", ssh({ user: "deploy@10.4.7.12" }), /use "deploy", and host: "10\.4\.7\.12"$/],
  ["a timeout of 0", ssh({ timeout: "0s" }), /ssh\.timeout: "0s" leaves no time to connect/],
  [
    "a host name before the host key",
    ssh({ hostKey: `10.4.7.12 ${KEY} root@a` }),
    new RegExp(`has 10\\.4\\.7\\.12 in front; use "${KEY.replace(/\+/g, "\\+")}"$`),
  ],
  ["a fingerprint as the host key", ssh({ hostKey: "SHA256:abc" }), /is a fingerprint; use the key itself/],
  [
    "a host key whose type does not match",
    ssh({ hostKey: KEY.replace("ssh-ed25519", "ssh-rsa") }),
    /is not a public host key/,
  ],
  ["two host keys", ssh({ hostKey: `${KEY}\n${KEY}` }), /has several lines; use one key$/],
  [
    "a public key as the private key",
    ssh({ key: SshKey.file("~/.ssh/id.pub") }),
    /is a public key; use the private key: "~\/\.ssh\/id"$/,
  ],
  ["a key in another user's home", ssh({ key: SshKey.file("~ops/key") }), /use an absolute path$/],
  ["an empty path of a key", ssh({ key: SshKey.file("") }), /is not a path/],
  [
    "a script path whose file name is only the random number",
    ssh({ scriptPath: "/root/%RAND%" }),
    /have a file name that nothing else has/,
  ],
  ["a script in /tmp with two slashes", ssh({ scriptPath: "/tmp//script_%RAND%.sh" }), /all users can write to/],
  [
    "a script in /tmp by way of another",
    ssh({ scriptPath: "/root/../tmp/script_%RAND%.sh" }),
    /all users can write to/,
  ],
  ["a script path with a blank", ssh({ scriptPath: "/a b/%RAND%.sh" }), /is not a path that Terraform can use/],
  [
    "a URL as an archive",
    errors({ release: EtcdRelease.localArchive("https://x/etcd.tar.gz") }),
    /is not the path of an archive/,
  ],
  [
    "a single quote in the credentials directory",
    errors({ operatorCredentials: { directory: "op's" } }),
    /without single quotes/,
  ],
  [
    "two members that are reached at the same address",
    errors({ members: [RUNBOOK.members[0], { ...RUNBOOK.members[1], ssh: { host: "10.4.7.12" } }] }),
    /are both reached at 10\.4\.7\.12:22/,
  ],
])("refused: %s", (_, problems, problem) => {
  expect(problems).toEqual([expect.stringMatching(problem)]);
});

test("names from /etc/hosts, a domain's user and a host key with a comment are accepted", () => {
  expect(
    ssh({ host: "etcd_1.lan.", user: "LAN\\deploy", hostKey: `${KEY} root@a\n`, bastionHost: "fe80::1%eth0" }),
  ).toEqual([]);
  expect(
    ssh({ user: "deploy@lan.example", key: SshKey.file("keys/id"), scriptPath: "/root/.cdktf-etcd/%RAND%.sh" }),
  ).toEqual([]);
});

test("a private key in the place of something else is refused, and not shown", () => {
  const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
  const deploy = () =>
    new EtcdCluster(emptyStack(), "etcd", { ...RUNBOOK, user: key, ssh: { key: SshKey.file(key), hostKey: key } });
  expect(deploy).toThrow(
    / {2}- ssh\.hostKey: "<a private key>" has several lines; use one key\n {2}- ssh\.key: "<a private key>" is not a path; .*\n {2}- user: "<a private key>" is not a valid name .*$/,
  );
});
