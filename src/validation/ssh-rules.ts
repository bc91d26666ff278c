import type { SshOptions } from "../props";
import type { MemberSettings } from "../settings";
import { isGoDuration, isPort } from "./formats";
import { duplicates, isKnown, type Rule, type Subject, unless } from "./problem";

const PORT = "is not a TCP port; give 1 to 65535";

export const sshOptions: Rule = function* (subject) {
  for (const [path, ssh] of everySsh(subject)) {
    yield* unless(`${path}.port`, ssh.port, isPort, PORT);
    yield* unless(`${path}.bastionPort`, ssh.bastionPort, isPort, PORT);
    yield* unless(`${path}.timeout`, ssh.timeout, isGoDuration, "is not a Go duration; give e.g. 30s or 2m");
    yield* unless(
      `${path}.scriptPath`,
      ssh.scriptPath,
      (text) => text.startsWith("/"),
      "is not absolute; give e.g. /root/terraform_%RAND%.sh",
    );
  }
};

export const sshKeys: Rule = function* (subject) {
  for (const [path, ssh] of everySsh(subject)) {
    if (ssh.privateKeyFile !== undefined && ssh.privateKey !== undefined) {
      yield `${path}: privateKeyFile and privateKey are both given; give one`;
    }
    // Without its value: it is a secret.
    if (isKnown(ssh.privateKey)) {
      yield `${path}.privateKey: a literal key would be written into the synthesized JSON; give privateKeyFile, or a sensitive TerraformVariable`;
    }
  }
};

export const sshLogin: Rule = function* ({ settings }) {
  for (const { name, ssh } of settings.members) {
    if (ssh.agent === false && ssh.privateKeyFile === undefined && ssh.privateKey === undefined) {
      yield `ssh: there is no key for "${name}", and the agent is off; give privateKeyFile or privateKey, or agent: true`;
    }
  }
};

export const bastion: Rule = function* ({ props, settings }) {
  const bastionKeys = ["bastionPort", "bastionUser", "bastionPrivateKeyFile"] as const;
  for (const [path, ssh] of everySsh({ props, settings })) {
    if (ssh.bastionHost !== undefined || props.ssh.bastionHost !== undefined) continue;
    for (const key of bastionKeys) {
      if (ssh[key] !== undefined)
        yield `${path}.${key}: has no effect without bastionHost; give that too, or leave it out`;
    }
  }
};

/** Two members on one host would share their directories. A shared address is said elsewhere. */
export const sshTargets: Rule = function* ({ settings: { members } }) {
  const target = ({ ssh }: MemberSettings) => `${ssh.host}:${ssh.port}`;
  yield* duplicates(
    members.filter((member) => member.ssh.host !== member.address),
    (member) => `${target(member)} by ${member.ssh.bastionHost}`,
    (member, first) =>
      `ssh: "${first.name}" and "${member.name}" are both reached at ${target(member)}; give each member a host of its own`,
  );
};

function* everySsh({ props }: Subject): Iterable<[path: string, ssh: SshOptions]> {
  yield ["ssh", props.ssh];
  for (const [i, { ssh }] of props.members.entries()) if (ssh) yield [`members[${i}].ssh`, ssh];
}
