// Checks that the checkout is the version that a tag names, and says everything that is missing at once.
// usage: node tools/packages/check-release.mjs vX.Y.Z, in the checkout
import { readFileSync } from "node:fs";

const [tag = ""] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const changelog = readFileSync("CHANGELOG.md", "utf8");

const problems = [];
if (version.includes("-")) problems.push(`${version} is a prerelease, which npm would give to everybody: use X.Y.Z`);
if (tag !== `v${version}`)
  problems.push(`the tag is "${tag}", and package.json has the version ${version}: tag v${version}`);
if (lock.version !== version)
  problems.push(`package-lock.json has the version ${lock.version}: run npm install --package-lock-only`);
if (!changelog.split("\n").some((line) => line.startsWith(`## [${version}] - `)))
  problems.push(`CHANGELOG.md has no section of the version: add "## [${version}] - YYYY-MM-DD"`);
if (/^## \[Unreleased\]\n+(?!\n|## )/m.test(changelog))
  problems.push(`CHANGELOG.md has changes under "Unreleased": move them to the section of ${version}`);

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
