import { canonicalAddress, isHostName, isIpAddress, unreachableKind } from "./formats";
import { duplicates, isKnown, type Rule, unless } from "./problem";

export const memberCount: Rule = function* ({ props: { members } }) {
  if (members.length < 1 || members.length > 7)
    yield `members: has ${members.length} entries; use 1 to 7, preferably 3 or 5`;
};

export const evenMemberCount: Rule = function* ({ props: { members } }) {
  const count = members.length;
  if (count === 0 || count % 2 === 1) return;
  yield `members: ${count} members survive no more failures than ${count - 1}, but need one more for a quorum; use ${count - 1} or ${count + 1}`;
};

/** Names that already mean something else to a tool: name → that meaning, for a message. */
const RESERVED_NAMES: { readonly [name: string]: string | undefined } = {
  all: "supervisorctl reads it as all programs of the host",
  membership: "the plan uses it for the list of members",
};

/** Host names that every host uses for itself. */
const OWN_HOST_NAMES = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];

/** The text in lower case. Tokens, and values that are not strings, are returned unchanged. */
function lowerCase(text: string | undefined): string | undefined {
  return typeof text === "string" && isKnown(text) ? text.toLowerCase() : text;
}

export const memberNames: Rule = function* ({ props: { members } }) {
  for (const [i, { name }] of members.entries()) {
    if (!isKnown(name)) {
      yield `members[${i}].name: a token is known only at apply; use a literal name, because it is the member's identity in Terraform`;
    }
    yield* unless(
      `members[${i}].name`,
      name,
      (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text),
      'is not a valid name; use 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or a digit, e.g. etcd-1',
    );
  }
  for (const [i, { name }] of members.entries()) {
    const meaning = isKnown(name) ? RESERVED_NAMES[lowerCase(name) ?? ""] : undefined;
    if (meaning) yield `members[${i}].name: "${name}" is reserved: ${meaning}; use another name, e.g. etcd-1`;
  }
  yield* duplicates(
    [...members.entries()],
    ([, { name }]) => name,
    ([i, { name }], [first]) => `members[${i}].name: "${name}" is also the name of members[${first}]; use another name`,
  );
};

/**
 * Such names work, but where the operator's file system ignores case, the rendered files of the two members are the
 * same files.
 */
export const similarNames: Rule = function* ({ props: { members } }) {
  const distinct = new Set(members.map(({ name }) => name));
  yield* duplicates(
    [...distinct],
    lowerCase,
    (name, first) => `members: the names "${first}" and "${name}" differ only by case; give one of them another name`,
  );
};

export const memberAddresses: Rule = function* ({ props: { members } }) {
  for (const [i, { address }] of members.entries()) {
    if (!isKnown(address)) continue;
    const path = `members[${i}].address: ${JSON.stringify(address)}`;
    if (!isIpAddress(address)) {
      yield `${path} is not an IP address; use IPv4 or IPv6 without brackets, port or zone, e.g. 10.4.7.21`;
      continue;
    }
    const kind = unreachableKind(address);
    if (kind) yield `${path} is ${kind}; use the address at which the other hosts reach this host, e.g. 10.4.7.21`;
  }
  yield* duplicates(
    [...members.entries()],
    ([, { address }]) => (isIpAddress(address) ? canonicalAddress(address) : address),
    ([i, { address }], [first]) =>
      `members[${i}].address: "${address}" is also the address of members[${first}]; use another address`,
  );
};

/** What the graph depends on, so no token. */
export const machines: Rule = function* ({ props: { members, machinesInStack } }) {
  if (machinesInStack !== undefined && typeof machinesInStack !== "boolean") {
    yield "machinesInStack: must be known at synth; use true or false";
  }
  if (!machinesInStack) return;
  for (const [i, { machine }] of members.entries()) {
    if (machine === undefined) {
      yield `members[${i}].machine: is missing, and machinesInStack is true; set it to the id of the machine's resource, so that the member is taken out of the cluster before its machine is replaced`;
    }
  }
};

/** The host name and the machine of a member, and how often the member was re-provisioned. */
export const memberHosts: Rule = function* ({ props: { members } }) {
  for (const [i, { hostName, reprovision, machine }] of members.entries()) {
    yield* unless(
      `members[${i}].hostName`,
      hostName,
      isHostName,
      'is not a host name; use letters, digits, "-" and ".", as in DNS, or leave it out',
    );
    yield* unless(
      `members[${i}].hostName`,
      hostName,
      (name) => !OWN_HOST_NAMES.includes(name.toLowerCase()),
      "is a name that every host uses for itself; use the name by which the other hosts know it, or leave it out",
    );
    yield* unless(
      `members[${i}].reprovision`,
      reprovision,
      (value) => Number.isSafeInteger(value) && value >= 0,
      "is not a non-negative whole number; use 0, or one more than in the last deploy",
    );
    yield* unless(
      `members[${i}].machine`,
      machine,
      (id) => /^[^\p{Cc}]+$/u.test(id),
      "is not an id; use what identifies the machine, e.g. the id of its resource, or leave it out",
    );
  }
  yield* duplicates(
    [...members.entries()],
    ([, { machine }]) => machine || undefined,
    ([i, { machine }], [first]) =>
      `members[${i}].machine: ${isKnown(machine) ? JSON.stringify(machine) : "the token"} is also the machine of members[${first}]; give each member a machine of its own`,
  );
  yield* duplicates(
    [...members.entries()],
    ([, { hostName }]) => lowerCase(hostName),
    ([i, { hostName }], [first]) =>
      `members[${i}].hostName: "${hostName}" is also the host of members[${first}]${members[first].hostName === hostName ? "" : " (case does not matter)"}; give each member a host of its own`,
  );
};
