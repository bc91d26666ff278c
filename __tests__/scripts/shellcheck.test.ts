import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HOST_SCRIPT_FILES, type Phase, PHASES, SCRIPTS_DIRECTORY } from "../../src/provision/host-scripts";
import { RESOURCES } from "../support/host";
import { DISMISSAL_TEXT, HOST_TEXT, REMOVAL_TEXT } from "../support/host-scripts";
import { memberFacts } from "../../src/provision/member-facts";
import { programLines } from "../../src/provision/member-host";
import { runbookWith } from "../support/settings";

const installed = spawnSync("shellcheck", ["--version"]).status === 0;
if (!installed) console.warn("SKIPPED: the host scripts were not checked, because shellcheck is not installed");

/** The facts that exist only at apply: those of all phases, and those that only a removal or a dismissal gets. */
const DATA = [
  ...new Set([...Object.values(PHASES).flatMap(({ data }) => [...data]), "REMOVAL_POLICY", "LEAVER", "LEAVER_URL"]),
];

/** The complete text of one upload. */
function program(phase: Phase): string {
  const cluster = runbookWith({ version: "3.3.27" });
  const data = Object.fromEntries(DATA.map((key) => [key, "x"]));
  const lines = programLines(
    memberFacts("stack/etcd", cluster, cluster.members[0], RESOURCES),
    data,
    HOST_TEXT,
    phase,
    60,
  );
  return `#!/bin/sh\n${lines.join("\n")}\n`;
}

(installed ? test : test.skip)("shellcheck reports nothing in what a host runs, not even an unused fact", () => {
  const { stdout } = spawnSync("shellcheck", ["--norc", "--shell=dash", "--severity=style", "-"], {
    input: program("stage"),
    encoding: "utf8",
  });
  expect(stdout).toBe("");
});

test("the scripts only define functions and variables", () => {
  const { status, stdout, stderr } = spawnSync("/bin/sh", ["-eu"], {
    input: program("stage").replace(/^main .*$/m, ":"),
    encoding: "utf8",
    env: { PATH: "/nowhere" },
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});

/** The names of the functions that a text defines. */
const functions = (text: string) => [...text.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name);

test("no two functions have the same name, because one file would override the other's", () => {
  const names = functions(HOST_TEXT);
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test.each([
  ["removal", REMOVAL_TEXT],
  ["dismissal", DISMISSAL_TEXT],
])("the scripts that a %s uploads call only functions that it uploads too", (_, text) => {
  const carried = functions(text);
  const code = text.replace(/(^|\s)#.*$/gm, "");
  expect(carried.length).toBeGreaterThan(50);
  expect(
    functions(HOST_TEXT).filter((name) => !carried.includes(name) && new RegExp(`\\b${name}\\b`).test(code)),
  ).toEqual([]);
});

test("the library calls no function of a phase, and a phase calls no function of another phase", () => {
  const texts = HOST_SCRIPT_FILES.map((file) => ({ file, text: readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8") }));
  const phases = texts.filter(({ file }) => file.startsWith("phases/"));
  const called = texts.flatMap(({ file, text }) => {
    // A call is at the start of a command; a word in a message or a pattern is not a call.
    const code = text.replace(/(^|\s)#.*$/gm, "").replace(/"(?:[^"\\$]|\\.)*"/g, '""');
    return phases
      .filter((phase) => phase.file !== file)
      .flatMap((phase) => functions(phase.text))
      .filter((name) => new RegExp(`(^|[;&|({!]|\\bdo|\\bthen|\\belse|\\bif) *${name}\\b`, "m").test(code))
      .map((name) => `${file}: ${name}`);
  });
  expect(called).toEqual([]);
});

test("comments end at 120 columns, and so does code, where a line holds no text that is printed", () => {
  const long = HOST_SCRIPT_FILES.flatMap((file) =>
    readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8")
      .split("\n")
      .filter((line) => line.length > 120 && (/^\s*#/.test(line) || !/["']/.test(line)))
      .map((line) => `${file}: ${line}`),
  );
  expect(long).toEqual([]);
});

test("whoever reads from a file of a process reads it to the end (read_to_end in say.sh)", () => {
  const readers = HOST_SCRIPT_FILES.flatMap((file) => {
    const text = readFileSync(join(SCRIPTS_DIRECTORY, file), "utf8");
    return [...text.matchAll(/^.*<"[^"]*\/(comm|stat|status|cgroup)".*$/gm)].map((match) => {
      const before = text.slice(0, match.index);
      const loop = /^ *done /.test(match[0]) ? before.slice(before.lastIndexOf("while read")) : "";
      return { file, text: loop + match[0] };
    });
  });
  expect(readers.length).toBeGreaterThan(3);
  expect(
    readers.filter(({ text }) =>
      text.includes("while read")
        ? /break|return/.test(text.replace(/^ *done .*/m, ""))
        : !text.includes("read_to_end"),
    ),
  ).toEqual([]);
});
