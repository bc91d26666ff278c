import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./support/temporary-directory";
import { codeBlocks } from "./support/code-blocks";

const ROOT = join(__dirname, "..");
const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const directory = temporaryDirectory();

/** The environment without the variables in which npm describes the project whose script is running. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^npm_(?!config_registry)/i.test(key)),
);

let tarball: string;

beforeAll(() => {
  // The contents of lib may be missing, as in a fresh checkout, or out of date.
  run(ROOT, "npm", "run", "--silent", "build");
  const [{ filename }] = JSON.parse(
    run(ROOT, "npm", "pack", "--ignore-scripts", "--json", "--pack-destination", directory),
  );
  tarball = join(directory, filename);
}, 120_000);

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", env: environment });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/**
 * The resources, locals and providers of the README's minimal program, compiled and run in a new project in which the
 * package is installed.
 */
function synthesizeIn(project: string, packageJson: { [key: string]: unknown }): { [key: string]: unknown } {
  const cwd = join(directory, project);
  mkdirSync(cwd);
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ name: project, private: true, ...packageJson }));
  run(cwd, "npm", "install", "--no-audit", "--no-fund", tarball);
  writeFileSync(join(cwd, "main.ts"), codeBlocks()[0].program);
  // A strict compilation against the package's declarations finds what a user's editor would find.
  run(
    cwd,
    process.execPath,
    TSC,
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2022",
    "--module",
    "commonjs",
    "main.ts",
  );
  run(cwd, process.execPath, "main.js");
  const { resource, locals, provider } = JSON.parse(
    readFileSync(join(cwd, "cdktf.out/stacks/etcd/cdk.tf.json"), "utf8"),
  );
  return { resource, locals, provider };
}

test("the package contains the library, the scripts and the docs, but no sources and no tools", () => {
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  const inPackage = (file: string) => file.replace(/^package\//, "");
  const roots = new Set(files.map((file) => inPackage(file).split("/")[0]));
  expect([...roots].filter((name) => name !== "CHANGELOG.md" && name !== "API.md").sort()).toEqual([
    ".jsii",
    "LICENSE",
    "README.md",
    "docs",
    "lib",
    "package.json",
    "scripts",
  ]);
  expect(files.filter((file) => /\.ts$/.test(file) && !/\.d\.ts$/.test(file))).toEqual([]);
  for (const part of ["lib", "phases"]) {
    expect(
      files
        .map(inPackage)
        .filter((file) => file.startsWith(`scripts/${part}/`))
        .sort(),
    ).toEqual(readdirSync(join(ROOT, "scripts", part)).map((file) => `scripts/${part}/${file}`));
  }
});

describe("the README's minimal program in an empty project", () => {
  let withCdktf: { [key: string]: unknown };

  test("synthesizes with nothing but the package and its peer dependencies", () => {
    withCdktf = synthesizeIn("with-cdktf", {});
    const modules = join(directory, "with-cdktf", "node_modules");
    const packages = [...readdirSync(modules), ...readdirSync(join(modules, "@cdktf"))];
    expect(packages.filter((name) => !name.startsWith("."))).toEqual([
      "@cdktf",
      "cdktf",
      "cdktf-etcd",
      "constructs",
      "provider-local",
      "provider-null",
      "provider-tls",
    ]);
    expect(Object.keys(withCdktf.resource as object).sort()).toEqual([
      "local_file",
      "null_resource",
      "terraform_data",
      "tls_cert_request",
      "tls_locally_signed_cert",
      "tls_private_key",
      "tls_self_signed_cert",
    ]);
    // The host scripts were found in the package and copied to the stack's assets.
    const stack = readdirSync(join(directory, "with-cdktf/cdktf.out/stacks/etcd"), {
      encoding: "utf8",
      recursive: true,
    });
    expect(stack.filter((file) => /^assets\/.*\/phases\/bootstrap\.sh$/.test(file))).toHaveLength(1);
  }, 120_000);

  test("synthesizes the same resources with cdktn in place of cdktf", () => {
    const withCdktn = synthesizeIn("with-cdktn", {
      dependencies: { cdktf: "npm:cdktn@0.24.0" },
      // Without this, npm refuses to install, because cdktf is a peer dependency of the package and the bindings.
      overrides: { cdktf: "$cdktf" },
    });
    const { name } = JSON.parse(readFileSync(join(directory, "with-cdktn/node_modules/cdktf/package.json"), "utf8"));
    expect(name).toBe("cdktn");
    expect(withCdktn).toEqual(withCdktf);
  }, 120_000);
});
