import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryDirectory } from "./support/temporary-directory";

const ROOT = join(__dirname, "..");
const checkout = join(temporaryDirectory(), "checkout");

/** Makes what `git clone` and `npm ci` make: the committed files and the dependencies, but no build output. */
beforeAll(() => {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const file of files.filter((name) => existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(join(ROOT, file), join(checkout, file));
  }
  symlinkSync(join(ROOT, "node_modules"), join(checkout, "node_modules"));
});

function run(...command: string[]): string {
  // A sampled run has only some of the scenarios.
  const env = { ...process.env, LAB_SAMPLE: "" };
  return execFileSync(command[0], command.slice(1), { cwd: checkout, encoding: "utf8", stdio: "pipe", env });
}

test("the app command in cdktf.json synthesizes the README's program without a build", () => {
  const { app } = JSON.parse(readFileSync(join(checkout, "cdktf.json"), "utf8"));
  run("sh", "-c", app);
  const { resource } = JSON.parse(readFileSync(join(checkout, "cdktf.out/stacks/etcd/cdk.tf.json"), "utf8"));
  expect(Object.keys(resource)).toContain("tls_self_signed_cert");
  expect(existsSync(join(checkout, "lib"))).toBe(false);
}, 60_000);

test("git on Windows leaves the line ends of the host scripts alone", () => {
  run("git", "init", "--quiet");
  run("git", "add", ".");
  run("git", "-c", "core.autocrlf=true", "checkout-index", "--all", "--prefix=windows/");
  expect(readFileSync(join(checkout, "windows/scripts/lib/main.sh"), "utf8")).not.toContain("\r");
}, 60_000);

test.each([
  ["jest.config.js", false],
  ["jest.lab.config.js", true],
])(
  "%s includes the lab's scenarios: %s",
  (config, expected) => {
    const tests: string[] = JSON.parse(run("npx", "jest", "-c", config, "--listTests", "--json"));
    expect(tests.length).toBeGreaterThan(10);
    expect(tests.some((file) => file.includes("__tests__/lab/"))).toBe(expected);
  },
  60_000,
);
