import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./support/temporary-directory";

const CHECK = join(__dirname, "..", "tools", "packages", "check-release.mjs");
const checkout = temporaryDirectory();

/** The exit status and the messages of the check, in a checkout with these versions and this changelog. */
function check(tag: string, version: string, lockVersion: string, changelog: string): [status: number | null, string] {
  writeFileSync(join(checkout, "package.json"), JSON.stringify({ version }));
  writeFileSync(join(checkout, "package-lock.json"), JSON.stringify({ version: lockVersion }));
  writeFileSync(join(checkout, "CHANGELOG.md"), changelog);
  const { status, stderr } = spawnSync(process.execPath, [CHECK, tag], { cwd: checkout, encoding: "utf8" });
  return [status, stderr];
}

test("a checkout of the version that the tag names is accepted", () => {
  const changelog = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-12-01\n\n### Added\n";
  expect(check("v1.2.3", "1.2.3", "1.2.3", changelog)).toEqual([0, ""]);
});

test("everything that is missing is said at once", () => {
  const changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n## [1.2.2] - 2026-11-01\n";
  expect(check("v1.2.4", "1.2.3", "1.2.2", changelog)).toEqual([
    1,
    `the tag is "v1.2.4", and package.json has the version 1.2.3: tag v1.2.3
package-lock.json has the version 1.2.2: run npm install --package-lock-only
CHANGELOG.md has no section of the version: add "## [1.2.3] - YYYY-MM-DD"
CHANGELOG.md has changes under "Unreleased": move them to the section of 1.2.3
`,
  ]);
});
