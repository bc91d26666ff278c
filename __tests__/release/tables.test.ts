import { execFileSync } from "node:child_process";
import { join } from "node:path";

test("the generated tables are up to date with facts/", () => {
  const generator = join(__dirname, "../../tools/generate-tables.mjs");
  expect(() => execFileSync(process.execPath, [generator, "--check"], { stdio: "pipe" })).not.toThrow();
});
