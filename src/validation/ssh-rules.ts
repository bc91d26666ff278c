import { isIP } from "node:net";
import { posix } from "node:path";
import type { MemberSettings, SshKey, SshOptions } from "../settings";
import { isGoDuration, isHostName, isPort, SCRIPT_PATH, withoutBrackets } from "./formats";
import { duplicates, isKnown, type Rule, type Subject, unless } from "./problem";

/** Empty files beside the script that have such a name are deleted, so nothing else may have one. */
const NAME_OF_ITS_OWN = /([A-Za-z]{3}|cdktf-etcd\/)[^/]*$/;

const PORT = "is not a TCP port; use 1 to 65535";

export const sshOptions: Rule = function* (subject) {
  for (const [path, ssh] of everySsh(subject)) {
    yield* sshHost(`${path}.host`, ssh.host, "user", "port");
    yield* sshHost(`${path}.bastionHost`, ssh.bastionHost, "bastionUser", "bastionPort");
    yield* unless(`${path}.port`, ssh.port, isPort, PORT);
    yield* unless(`${path}.bastionPort`, ssh.bastionPort, isPort, PORT);
    yield* sshUser(`${path}.user`, ssh.user, "host");
    yield* sshUser(`${path}.bastionUser`, ssh.bastionUser, "bastionHost");
    yield* unless(`${path}.timeout`, ssh.timeout, isGoDuration, "is not a Go duration; use e.g. 30s or 2m");
    yield* unless(
      `${path}.timeout`,
      ssh.timeout,
      (text) => !isGoDuration(text) || /[1-9]/.test(text),
      "leaves no time to connect; use e.g. 30s or 2m",
    );
    yield* unless(
      `${path}.scriptPath`,
      ssh.scriptPath,
      (text) =>
        new RegExp(SCRIPT_PATH).test(text) &&
        text.includes("%RAND%") &&
        NAME_OF_ITS_OWN.test(text.replace("%RAND%", "")),
      "is not a path that Terraform can use: it must start with / or ./, contain %RAND%, and have a file name that nothing else has; use e.g. /root/terraform_%RAND%.sh",
    );
    yield* unless(
      `${path}.scriptPath`,
      ssh.scriptPath,
      (text) => !["/tmp", "/var/tmp", "/dev/shm"].includes(posix.dirname(posix.normalize(text))),
      "is in a directory that all users can write to, so they could change the script before it becomes root; use a file in a directory that only the SSH user can enter",
    );
    yield* unless(`${path}.hostKey`, ssh.hostKey, isHostKey, hostKeyProblem(ssh.hostKey));
    yield* privateKey(`${path}.key`, ssh.key);
    yield* privateKey(`${path}.bastionKey`, ssh.bastionKey);
  }
};

/** The host only, without what other props set. */
function* sshHost(path: string, host: string | undefined, user: string, port: string): Iterable<string> {
  if (!isKnown(host) || isSshHost(host)) return;
  const say = (fix: string) => `${path}: ${JSON.stringify(host)} is not an address or a host name; ${fix}`;
  const [, login, bare, number] = /^(?:ssh:\/\/)?(?:([^@/]+)@)?(.*?)(?::(\d+))?\/?$/.exec(host) ?? [];
  const name = withoutBrackets(bare ?? "");
  const parts = [
    `"${name}"`,
    ...(login === undefined ? [] : [`${user}: "${login}"`]),
    ...(number === undefined ? [] : [`${port}: ${number}`]),
  ];
  if (isSshHost(name)) yield say(`use ${parts.join(", and ")}`);
  else yield say("use e.g. 10.4.7.12");
}

/** A name from DNS or /etc/hosts, which may contain underscores, or an IP address, which may have a zone for SSH. */
function isSshHost(text: string): boolean {
  return isIP(text) !== 0 || isHostName(text.replace(/\.$/, "").replace(/_/g, "-"));
}

function* sshUser(path: string, user: string | undefined, host: string): Iterable<string> {
  if (!isKnown(user)) return;
  const [, login, address] = /^(.+)@([^@]+)$/.exec(user) ?? [];
  if (!/^[^\s:\p{Cc}]+$/u.test(user)) {
    yield `${path}: ${JSON.stringify(user)} is not a login name; use e.g. root`;
  } else if (address !== undefined && isIP(address) !== 0) {
    yield `${path}: ${JSON.stringify(user)} is not a login name; use "${login}", and ${host}: "${address}"`;
  }
}

const KEY_TYPE = /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9-]+@openssh\.com)$/;

/** `ssh-ed25519 AAAA… comment`: the key type, then the key, which starts with the name of the same type. */
function isHostKey(text: string): boolean {
  const [type, base64 = ""] = text.trim().split(/\s+/);
  if (!KEY_TYPE.test(type) || /[\r\n]/.test(text.trim())) return false;
  if (!/^AAAA[A-Za-z0-9+/]*={0,2}$/.test(base64)) return false;
  const named = Buffer.from(base64, "base64").subarray(4).toString("latin1");
  // The comparison covers only what is there: an example may contain a shortened key.
  return named.startsWith(type) || type.startsWith(named);
}

function hostKeyProblem(text: unknown): string {
  const words = typeof text === "string" ? text.trim().split(/\s+/) : [];
  const at = words.findIndex((word) => KEY_TYPE.test(word));
  if (typeof text === "string" && /[\r\n]/.test(text.trim())) return "has several lines; use one key";
  if (at > 0) return `has ${words.slice(0, at).join(" ")} in front; use "${words.slice(at, at + 2).join(" ")}"`;
  if (/^(SHA256|MD5):/.test(words[0] ?? "")) {
    return "is a fingerprint; use the key itself, as ssh-keyscan prints it after the host: ecdsa-sha2-nistp256 AAAA…";
  }
  return "is not a public host key; use it as ssh-keyscan prints it after the host: ecdsa-sha2-nistp256 AAAA…";
}

function* privateKey(path: string, key: SshKey | undefined): Iterable<string> {
  // The message does not contain the value, because it is a secret.
  if (isKnown(key?._pem)) {
    yield `${path}: a literal key would be written into the synthesized JSON; use SshKey.file(), or SshKey.pem() with a sensitive TerraformVariable`;
  }
  const file = key?._file;
  if (!isKnown(file)) return;
  const say = (problem: string) => `${path}: ${JSON.stringify(file)} ${problem}`;
  if (file === "" || /\p{Cc}/u.test(file)) yield say("is not a path; use e.g. ~/.ssh/id_ed25519");
  else if (/^~[^/\\]/.test(file))
    yield say("is in the home directory of a named user, which Terraform does not expand; use an absolute path");
  else if (file.endsWith(".pub")) yield say(`is a public key; use the private key: "${file.replace(/\.pub$/, "")}"`);
}

export const bastion: Rule = function* ({ props, settings }) {
  const bastionKeys = ["bastionPort", "bastionUser", "bastionKey"] as const;
  for (const [path, ssh] of everySsh({ props, settings })) {
    if (ssh.bastionHost !== undefined || props.ssh.bastionHost !== undefined) continue;
    for (const key of bastionKeys) {
      if (ssh[key] !== undefined)
        yield `${path}.${key}: has no effect without bastionHost; set bastionHost, too, or leave this out`;
    }
  }
};

/** Two members on one host would share their directories. `memberAddresses` reports members with the same address. */
export const sshTargets: Rule = function* ({ settings: { members } }) {
  const target = ({ ssh }: MemberSettings) => `${ssh.host}:${ssh.port}`;
  const key = (member: MemberSettings) => `${target(member)} by ${member.ssh.bastionHost}`.toLowerCase();
  const [moved, others] = [true, false].map((own) =>
    members.filter((member) => (member.ssh.host !== member.address) === own),
  );
  const taken = moved.map(key);
  yield* duplicates(
    // Of the members that are reached at their own address, only those that another member's SSH settings also reach.
    [...others.filter((member) => taken.includes(key(member))), ...moved],
    (member) => (isKnown(member.ssh.host) ? key(member) : undefined),
    (member, first) =>
      `ssh: "${first.name}" and "${member.name}" are both reached at ${target(member)}; give each member a host of its own`,
  );
};

function* everySsh({ props }: Subject): Iterable<[path: string, ssh: SshOptions]> {
  yield ["ssh", props.ssh];
  for (const [i, { ssh }] of props.members.entries()) if (ssh) yield [`members[${i}].ssh`, ssh];
}
