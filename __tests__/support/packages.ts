import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Framework } from "./framework";

const ROOT = join(__dirname, "..", "..");
const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");

/** The environment without the variables in which npm describes the project whose script is running. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^npm_(?!config_registry)/i.test(key)),
);

/** Runs a command and returns its standard output; if the command fails, the error contains all of its output. */
export function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", env: environment });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** The npm package for a framework, as `npm run package` built it. */
export function npmPackage(framework: Framework): string {
  return fileIn(join(ROOT, "dist", "npm"), `${framework}-etcd-`);
}

/** The wheel for a framework, as `npm run package` built it. */
export function wheel(framework: Framework): string {
  return fileIn(join(ROOT, "dist", "python"), `${framework}_etcd-`);
}

/** What jsii generated for a language, with which a package for that language would be built. */
export function bindings(framework: Framework, language: string): string {
  return join(ROOT, "dist", "bindings", `${framework}-etcd`, language);
}

const prepared = execFileSync(join(ROOT, "tools/packages/prepare"), { encoding: "utf8" }).trim();

/** Python, with the bindings of both frameworks. */
export const PYTHON = join(prepared, "venv", "bin", "python");

/** cdktn, its bindings and constructs, as npm packages. */
export function cdktnPackages(): string[] {
  const directory = join(prepared, "npm");
  return readdirSync(directory).map((file) => join(directory, file));
}

function fileIn(directory: string, start: string): string {
  const files = readdirSync(directory).filter((file) => file.startsWith(start));
  if (files.length !== 1) throw new Error(`${directory} has ${files.length} files ${start}*`);
  return join(directory, files[0]);
}

/** A new project in which packages are installed from files; npm adds their peer dependencies. */
export class NpmProject {
  public constructor(
    public readonly directory: string,
    packages: string[],
    packageJson: { [key: string]: unknown } = {},
  ) {
    mkdirSync(directory);
    writeFileSync(
      join(directory, "package.json"),
      JSON.stringify({ name: "a-project", private: true, ...packageJson }),
    );
    run(directory, "npm", "install", "--no-audit", "--no-fund", ...packages);
  }

  /** Compiles programs, as strictly as the declarations of the packages must allow it in a user's editor. */
  public compile(programs: { [name: string]: string }): void {
    for (const [name, program] of Object.entries(programs)) writeFileSync(join(this.directory, `${name}.ts`), program);
    const options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "commonjs"];
    // The programs read process.env. The types of Node.js are a user's own dependency.
    const types = ["--typeRoots", join(ROOT, "node_modules", "@types"), "--types", "node"];
    run(
      this.directory,
      process.execPath,
      TSC,
      ...options,
      ...types,
      ...Object.keys(programs).map((name) => `${name}.ts`),
    );
  }

  /** Runs a compiled program and returns the Terraform JSON of its stack. */
  public synthesize(name: string): StackJson {
    run(this.directory, "env", `CDKTF_OUTDIR=${name}.out`, process.execPath, `${name}.js`);
    return stackJson(this.directory, `${name}.out`);
  }
}

export interface StackJson {
  readonly resource: { [type: string]: { [id: string]: object } };
  readonly [block: string]: unknown;
}

/**
 * The Terraform JSON of the only stack in an output directory, without what the frameworks and their bindings write
 * about themselves: the project's directory in the path of the local backend, the framework's version in the metadata,
 * and the versions of the providers, which are those that the bindings were generated from. The source `null` is
 * Terraform's short form of `hashicorp/null`.
 */
export function stackJson(project: string, outdir: string): StackJson {
  const stacks = resolve(project, outdir, "stacks");
  const [stack] = readdirSync(stacks);
  const json = JSON.parse(
    readFileSync(join(stacks, stack, "cdk.tf.json"), "utf8")
      .split(`${project}/`)
      .join(""),
  );
  delete json["//"].metadata.version;
  const providers: { [name: string]: { source: string } } = json.terraform.required_providers;
  json.terraform.required_providers = Object.fromEntries(
    Object.entries(providers).map(([name, { source }]) => [name, source.replace(/^(?=\w+$)/, "hashicorp/")]),
  );
  return json;
}
