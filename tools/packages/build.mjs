// Builds what a release publishes, in dist/: the packages cdktf-etcd and cdktn-etcd for npm (dist/npm) and for Python
// (dist/python). dist/bindings has what jsii generates from them for each language; of that, only Python's is built.
// usage: npm run package
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIST = join(ROOT, "dist");
/** The name of a module in an import: `cdktf`, `@cdktf/provider-tls/lib/provider`, `cdktf-etcd`. */
const IMPORTED_MODULE = /(\b(?:from\s+|import\s+|import\(|require\()["']@?)cdktf(?=["'/]|-etcd["'])/g;
const environment = {
  ...process.env,
  // A package is compiled once; npm pack would compile it again, here and inside jsii-pacmak.
  npm_config_ignore_scripts: "true",
  JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: "20",
};

rmSync(DIST, { recursive: true, force: true });
for (const name of ["npm", "python"]) mkdirSync(join(DIST, name), { recursive: true });
const dependencies = run(ROOT, "tools/packages/prepare").trim();

run(ROOT, "npm", "run", "--silent", "build");
pack(ROOT, "cdktf-etcd");

const cdktn = join(DIST, "cdktn-etcd");
try {
  stageCdktn(cdktn);
  symlinkSync(join(dependencies, "node_modules"), join(cdktn, "node_modules"));
  run(cdktn, ...program("jsii"), "--fail-on-warnings", "--generate-tsconfig", "tsconfig.jsii.json");
  pack(cdktn, "cdktn-etcd");
} finally {
  // `npm run docs` reads every assembly under the checkout, and would take the newer constructs from here.
  rmSync(cdktn, { recursive: true, force: true });
}

/**
 * Makes the source of cdktn-etcd: this package's files with the modules of cdktn in the imports, and the manifest with
 * the entries of cdktn/package.json in place of its own.
 */
function stageCdktn(directory) {
  const manifest = readJson("package.json");
  const { jsii, ...own } = readJson("cdktn/package.json");
  // JSON leaves out what is undefined. The scripts and settings of the checkout have no use in what is published.
  const checkout = { scripts: undefined, allowScripts: undefined, overrides: undefined };
  const published = { ...manifest, ...own, ...checkout, jsii: { ...manifest.jsii, ...jsii } };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify(published, undefined, 2));
  for (const name of ["src", "scripts", "docs", "API.md", "CHANGELOG.md", "LICENSE"]) {
    cpSync(join(ROOT, name), join(directory, name), { recursive: true, filter: copyImports });
  }
  cpSync(join(ROOT, "cdktn/README.md"), join(directory, "README.md"));

  /** Copies a file with imports itself, with the other modules in them; says whether cpSync has to copy the rest. */
  function copyImports(from, to) {
    if (![".ts", ".md"].includes(extname(from))) return true;
    writeFileSync(to, readFileSync(from, "utf8").replace(IMPORTED_MODULE, "$1cdktn"));
    return false;
  }
}

/** Packs a compiled package for npm, generates the bindings for all languages from it, and builds the wheel. */
function pack(directory, name) {
  run(directory, "npm", "pack", "--silent", "--pack-destination", join(DIST, "npm"));
  const bindings = join(DIST, "bindings", name);
  run(directory, ...program("jsii-pacmak"), "--code-only", "--outdir", bindings);
  // The tools that build the wheel are those of the virtual environment, at the versions that are pinned there.
  const offline = ["--no-build-isolation", "--no-deps", "--no-index"];
  const python = join(dependencies, "venv/bin/python");
  run(bindings, python, "-m", "pip", "--quiet", "wheel", ...offline, "--wheel-dir", join(DIST, "python"), "./python");
}

/** The command that runs a program of the checkout's dependencies. */
function program(name) {
  return [process.execPath, join(ROOT, "node_modules", name, "bin", name)];
}

function readJson(name) {
  return JSON.parse(readFileSync(join(ROOT, name), "utf8"));
}

/** Runs a command and returns what it prints; ends the build, with all that it printed, when it fails. */
function run(cwd, command, ...args) {
  const options = { cwd, encoding: "utf8", env: environment };
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (status === 0) return stdout;
  throw error ?? new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
}
