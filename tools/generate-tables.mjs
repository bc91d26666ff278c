// Writes src/release/*.generated.ts from facts/. Run it (`npm run generate`) after a change of facts/, and commit both.
import { readFileSync, writeFileSync } from "node:fs";

const fact = (name) => readFileSync(new URL(`../facts/${name}`, import.meta.url), "utf8");
const HEADER = (source) => `// Generated from facts/${source} by tools/generate-tables.mjs; edits are lost.\n`;

/** Parses `Y`, `-`, `N..` or `..N`: the first and, if there is one, the last patch version that knows the flag. */
function patchRange(cell) {
  if (cell === "-") return undefined;
  if (cell === "Y") return [0];
  const [, first, last] = /^(\d*)\.\.(\d*)$/.exec(cell) ?? unreadable(cell);
  return last === "" ? [Number(first)] : [Number(first), Number(last)];
}

function unreadable(cell) {
  throw new Error(`facts/etcd-flags.txt: cannot read "${cell}"`);
}

function renderFlags() {
  const [[, ...minors], ...rows] = fact("etcd-flags.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/));
  const lines = rows.map(([flag, ...cells]) => {
    const ranges = minors.map((minor, i) => [minor, patchRange(cells[i])]).filter(([, range]) => range);
    return `  "${flag}": { ${ranges.map(([minor, range]) => `"${minor}": [${range.join(", ")}]`).join(", ")} },`;
  });
  return `${HEADER("etcd-flags.txt")}
/** The etcd minors that this package knows, oldest first. */
export const MINORS: readonly string[] = [${minors.map((minor) => `"${minor}"`).join(", ")}];

/** Flag → minor → the first and, if a later one dropped it, the last patch that knows the flag. */
export const FLAGS: { readonly [flag: string]: { readonly [minor: string]: readonly number[] } } = {
${lines.join("\n")}
};
`;
}

function renderDigests() {
  const lines = Object.entries(JSON.parse(fact("etcd-sha256.json"))).map(([version, { amd64, arm64 }]) => {
    const digests = Object.entries({ amd64, arm64 }).filter(([, digest]) => digest);
    return `  "${version}": { ${digests.map(([arch, digest]) => `${arch}: "${digest}"`).join(", ")} },`;
  });
  return `${HEADER("etcd-sha256.json")}
/** Version → architecture → SHA-256 of \`etcd-vX.Y.Z-linux-ARCH.tar.gz\`, in hex. */
export const DIGESTS: { readonly [version: string]: { readonly amd64?: string; readonly arm64?: string } } = {
${lines.join("\n")}
};
`;
}

function renderFlagTypes() {
  const lines = fact("etcd-flag-types.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/))
    .map(([flag, type]) => `  "${flag}": "${type}",`);
  return `${HEADER("etcd-flag-types.txt")}
/** What etcd takes as the value of a flag. */
export type FlagType = "bool" | "uint" | "int" | "duration" | "string";

/** Flag → its type, the same in all versions that know it. */
export const FLAG_TYPES: { readonly [flag: string]: FlagType } = {
${lines.join("\n")}
};
`;
}

const tables = { flags: renderFlags(), "flag-types": renderFlagTypes(), digests: renderDigests() };
// `--check` only compares; a unit test runs it.
const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(tables)) {
  const file = new URL(`../src/release/${name}.generated.ts`, import.meta.url);
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`src/release/${name}.generated.ts is out of date: run npm run generate`);
    process.exitCode = 1;
  }
}
