import { canonicalAddress, isHostName, isIpAddress, unreachableKind } from "./formats";
import { duplicates, isKnown, type Rule, unless } from "./problem";

export const memberCount: Rule = function* ({ props: { members } }) {
  if (members.length < 1 || members.length > 7) yield `members: ${members.length} given; give 1 to 7, best 3 or 5`;
};

export const evenMemberCount: Rule = function* ({ props: { members } }) {
  const count = members.length;
  if (count === 0 || count % 2 === 1) return;
  yield `members: ${count} survive no more failures than ${count - 1} do, and need one more for a quorum; give ${count - 1} or ${count + 1}`;
};

/** Names that mean something else to a tool that is given them. */
const RESERVED_NAMES: { readonly [name: string]: string | undefined } = {
  all: "supervisorctl takes it for all programs of the host",
  membership: "the plan calls the list of members so",
};

/** Host names that are every host's own. */
const OWN_HOST_NAMES = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];

/** Tokens and what is no text have none. */
function lowerCase(text: string | undefined): string | undefined {
  return typeof text === "string" && isKnown(text) ? text.toLowerCase() : text;
}

export const memberNames: Rule = function* ({ props: { members } }) {
  for (const [i, { name }] of members.entries()) {
    if (!isKnown(name)) {
      yield `members[${i}].name: a token is known at apply only; give a literal name, it is the member's identity in Terraform`;
    }
    yield* unless(
      `members[${i}].name`,
      name,
      (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text),
      'is not a legal name; give 1 to 63 letters, digits, ".", "_" or "-", a letter or digit first, e.g. etcd-1',
    );
  }
  for (const [i, { name }] of members.entries()) {
    const meaning = isKnown(name) ? RESERVED_NAMES[lowerCase(name) ?? ""] : undefined;
    if (meaning) yield `members[${i}].name: "${name}" is reserved: ${meaning}; give another, e.g. etcd-1`;
  }
  yield* duplicates(
    [...members.entries()],
    ([, { name }]) => name,
    ([i, { name }], [first]) => `members[${i}].name: "${name}" is also the name of members[${first}]; give another`,
  );
};

/** They work, but the rendered files of both are one where the operator's file system ignores case. */
export const similarNames: Rule = function* ({ props: { members } }) {
  const distinct = new Set(members.map(({ name }) => name));
  yield* duplicates(
    [...distinct],
    lowerCase,
    (name, first) => `members: the names "${first}" and "${name}" differ by case only; give one of them another`,
  );
};

export const memberAddresses: Rule = function* ({ props: { members } }) {
  for (const [i, { address }] of members.entries()) {
    if (!isKnown(address)) continue;
    const path = `members[${i}].address: ${JSON.stringify(address)}`;
    if (!isIpAddress(address)) {
      yield `${path} is not an IP address; give IPv4 or IPv6 without brackets, port or zone, e.g. 10.4.7.21`;
      continue;
    }
    const kind = unreachableKind(address);
    if (kind) yield `${path} is ${kind}; give the address that the other hosts reach, e.g. 10.4.7.21`;
  }
  yield* duplicates(
    [...members.entries()],
    ([, { address }]) => (isIpAddress(address) ? canonicalAddress(address) : address),
    ([i, { address }], [first]) =>
      `members[${i}].address: "${address}" is also the address of members[${first}]; give another`,
  );
};

/** A member's host: how it is called, and how often it was provided anew. */
export const memberHosts: Rule = function* ({ props: { members } }) {
  for (const [i, { hostName, reprovision }] of members.entries()) {
    yield* unless(
      `members[${i}].hostName`,
      hostName,
      isHostName,
      'is not a host name; give letters, digits, "-" and ".", as DNS has it, or leave it out',
    );
    yield* unless(
      `members[${i}].hostName`,
      hostName,
      (name) => !OWN_HOST_NAMES.includes(name.toLowerCase()),
      "is what every host calls itself; give the name that the other hosts use, or leave it out",
    );
    yield* unless(
      `members[${i}].reprovision`,
      reprovision,
      (value) => Number.isSafeInteger(value) && value >= 0,
      "is not a whole number; give 0, or one more than at the last deploy",
    );
  }
  yield* duplicates(
    [...members.entries()],
    ([, { hostName }]) => lowerCase(hostName),
    ([i, { hostName }], [first]) =>
      `members[${i}].hostName: "${hostName}" is also the host of members[${first}]${members[first].hostName === hostName ? "" : ", as case does not matter"}; give each member a host of its own`,
  );
};
