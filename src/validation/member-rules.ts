import { MAX_MEMBERS } from "../settings";
import { canonicalAddress, isCount, isHostName, isIpAddress, isOwnName, unreachableKind } from "./formats";
import { duplicates, isKnown, type Rule, unless } from "./problem";

export const memberCount: Rule = function* ({ props: { members } }) {
  if (members.length < 1 || members.length > MAX_MEMBERS)
    yield `members: has ${members.length} entries; use 1 to ${MAX_MEMBERS}, preferably 3 or 5`;
};

export const evenMemberCount: Rule = function* ({ props: { members } }) {
  const count = members.length;
  if (count === 0 || count % 2 === 1) return;
  yield `members: ${count} members survive no more failures than ${count - 1}, but need one more for a quorum; use ${count - 1} or ${count + 1}`;
};

/** Names that already mean something else to a tool: name → that meaning, for a message. */
const RESERVED_NAMES = new Map([
  ["all", "supervisorctl reads it as all programs of the host"],
  ["claims", "its lock on the host is the one for claims of directories"],
  ["membership", "the plan uses it for the list of members"],
  ["stages", "the plan uses it for the stages of all members"],
]);

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
    const meaning = isKnown(name) ? RESERVED_NAMES.get(lowerCase(name) ?? "") : undefined;
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
  for (const [i, { address, listenAddress }] of members.entries()) {
    if (isKnown(address)) yield* addressProblems(`members[${i}]`, address, listenAddress);
  }
  yield* duplicates(
    [...members.entries()],
    ([, { address }]) => canonicalAddress(address),
    ([i, { address }], [first]) =>
      `members[${i}].address: "${address}" is also the address of members[${first}]; use another address`,
  );
  for (const [i, { address }] of members.entries()) {
    const other = members.findIndex(
      ({ hostName }, j) => j !== i && isKnown(address) && lowerCase(hostName) === canonicalAddress(address),
    );
    if (other >= 0) {
      yield `members[${i}].address: "${address}" is the hostName of members[${other}]; give each member a name of its own`;
    }
  }
};

function* addressProblems(path: string, address: string, listenAddress: string | undefined): Iterable<string> {
  const say = (problem: string) => `${path}.address: ${JSON.stringify(address)} ${problem}`;
  if (isIpAddress(address)) {
    const kind = unreachableKind(address);
    if (kind) yield say(`is ${kind}; use the address at which the other hosts reach this host, e.g. 10.4.7.21`);
  } else if (isOwnName(address)) {
    yield say("is a name that every host uses for itself; use the name by which the other hosts reach this host");
  } else if (!isHostName(address)) {
    yield say(
      "is neither an IP address nor a DNS name; use IPv4 or IPv6 without brackets, port or zone, e.g. 10.4.7.21, or a name without a dot at its end, e.g. etcd-1.example.org",
    );
  } else if (listenAddress === undefined) {
    yield say(
      `is a DNS name, and etcd cannot listen on a name; set ${path}.listenAddress to the IP address of the host, e.g. 10.4.7.21`,
    );
  }
}

export const listenAddresses: Rule = function* ({ props: { members } }) {
  for (const [i, { address, listenAddress }] of members.entries()) {
    if (!isKnown(listenAddress)) continue;
    const say = (problem: string) => `members[${i}].listenAddress: ${JSON.stringify(listenAddress)} ${problem}`;
    if (!isIpAddress(listenAddress)) {
      yield say("is not an IP address; use IPv4 or IPv6 without brackets, port or zone, e.g. 10.4.7.21");
      continue;
    }
    const kind = unreachableKind(listenAddress);
    if (kind) yield say(`is ${kind}; use an address of the host that the other hosts reach, e.g. 10.4.7.21`);
    if (isKnown(address) && isIpAddress(address) && canonicalAddress(address) !== canonicalAddress(listenAddress)) {
      yield say(
        `is not members[${i}].address, ${JSON.stringify(address)}, and an address of its own is only for a DNS name; leave listenAddress out, or use a DNS name as address`,
      );
    }
  }
  yield* duplicates(
    [...members.entries()],
    ([, { listenAddress }]) => (listenAddress === undefined ? undefined : canonicalAddress(listenAddress)),
    ([i, { listenAddress }], [first]) =>
      `members[${i}].listenAddress: "${listenAddress}" is also that of members[${first}]; use the address of the member's own host`,
  );
};

export const machines: Rule = function* ({ props: { members, machinesInStack } }) {
  if (machinesInStack !== true) return;
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
      (name) => !isOwnName(name),
      "is a name that every host uses for itself; use the name by which the other hosts know it, or leave it out",
    );
    yield* unless(
      `members[${i}].reprovision`,
      reprovision,
      isCount,
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
