import { HOST_TEXT, SIDE_TEXTS } from "../support/host-scripts";
import { commandsOf } from "../support/shell-commands";

const BUILTINS =
  ". : [ break cd command continue echo eval exec exit export false kill local printf pwd read return set shift test trap true type ulimit umask unset wait";
/** Commands that the scripts look for with `command -v`. */
const OPTIONAL = [...HOST_TEXT.matchAll(/command -v "?(\w[\w.-]*)/g)].map(([, name]) => name);
/** Commands that run only where they are known to exist or to be wanted, each with the reason. */
const GUARDED: { [command: string]: string } = {
  "apt-get": "one of the package managers that the scripts look for",
  dnf: "the same",
  yum: "the same",
  zypper: "the same",
  rpm: "there where zypper is",
  python3: "the last choice for a download",
  sh: "already runs this script",
  sudo: "only used by a user other than root, who gets a message if it does not work",
};

/** Commands that another command calls. */
const IMPLIED = ["cp", "gzip", "setpriv"];

test("preflight looks for every command that the scripts call, and for no other", () => {
  const functions = [...HOST_TEXT.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name);
  const ours = new Set([...functions, ...BUILTINS.split(" "), ...OPTIONAL, ...Object.keys(GUARDED)]);
  const called = [...commandsOf(HOST_TEXT)].filter((name) => !ours.has(name));
  const asked = (/^TOOLS="([^"]*)"/m.exec(HOST_TEXT)?.[1] ?? "").split(/\s+/).sort();
  expect([...called, ...IMPLIED].sort()).toEqual(asked);
});

test("no message gives a command for this host that works only with another PATH, certificate or configuration", () => {
  // On another host, or of a member that is not known here.
  const elsewhere = /'etcdctl member remove ID' there|supervisorctl stop (?:MEMBER|\$\(programs_of)/;
  const commands =
    /\b(?:supervisorctl (?:stop|start|restart|remove|reread)|etcdctl (?:member|user|alarm|endpoint|del))\b/;
  const messages = HOST_TEXT.split("\n").filter((line) => /"/.test(line) && !/^\s*#/.test(line));
  expect(messages.filter((line) => /(?:supervisorctl|etcdctl)_here/.test(line)).length).toBeGreaterThan(15);
  expect(messages.filter((line) => commands.test(line.replace(elsewhere, "")))).toEqual([]);
});

/** Commands of the side programs that preflight does not look for, each with the reason. */
const SIDE_ONLY: { [command: string]: string } = {
  renice: "a failure is ignored",
  ionice: "a failure is ignored",
};

test.each(Object.entries(SIDE_TEXTS))("the %s program calls nothing that preflight does not look for", (_, side) => {
  // Parts of the library that the program does not use call functions that it does not have.
  const functions = [...`${side}${HOST_TEXT}`.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name);
  const asked = (/^TOOLS="([^"]*)"/m.exec(HOST_TEXT)?.[1] ?? "").split(/\s+/);
  const known = [
    ...functions,
    ...BUILTINS.split(" "),
    ...OPTIONAL,
    ...Object.keys({ ...GUARDED, ...SIDE_ONLY }),
    ...asked,
  ];
  expect([...commandsOf(side)].filter((name) => !known.includes(name))).toEqual([]);
});

test("commandsOf finds a command wherever it stands, and ignores what only looks like one", () => {
  const text = `
f() { # comment | no
  a "x $(b1 | b2 "$(b3)")" 'no; no' && X=1 c || ! d
  if e; then f1; else f2; fi >/dev/null 2>&1
  case $(g) in no | "no") h ;; *no*) i ;; esac
  for no in no; do j; done <<LIST
no
LIST
  env A=1 k no; timeout -k 10 "$n" l no; command -v no; (n) | while read -r no; do o; done
}
`;
  expect([...commandsOf(text)].filter((name) => name.startsWith("no"))).toEqual([]);
  expect([...commandsOf(text)].sort()).toEqual(
    "a b1 b2 b3 c d e env f1 f2 g h i j k l n o read timeout command".split(" ").sort(),
  );
});
