import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { transformSync } from "@swc/core";
import { type Framework, programFor } from "../../support/framework";

const TOP = join(__dirname, "..", "..", "..");
/** With LAB_FRAMEWORK=cdktn, the program and the package are those of CDK Terrain. */
const FRAMEWORK = (process.env.LAB_FRAMEWORK ?? "cdktf") as Framework;

/**
 * Compiles the program of the scenarios, and this package as it is in the checkout, into a directory. This is done once
 * per lab, because a deploy in a scenario would otherwise wait three times as long for its program.
 *
 * @returns The command that synthesizes.
 */
export function compiledProgram(directory: string): string[] {
  const program = join(directory, "program.js");
  if (!existsSync(program)) {
    compile(join(TOP, "src"), join(directory, "src"));
    cpSync(join(TOP, "scripts"), join(directory, "scripts"), { recursive: true });
    const entry = join(directory, "node_modules", `${FRAMEWORK}-etcd`, "index.js");
    mkdirSync(dirname(entry), { recursive: true });
    writeFileSync(entry, 'module.exports = require("../../src/index.js");\n');
    compileFile(join(__dirname, "program.ts"), program);
  }
  return ["env", `NODE_PATH=${nodeModules()}`, "node", program];
}

function nodeModules(): string {
  if (FRAMEWORK === "cdktf") return join(TOP, "node_modules");
  return join(execFileSync(join(TOP, "tools", "packages", "prepare"), { encoding: "utf8" }).trim(), "node_modules");
}

function compile(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    compileFile(path, join(to, relative(from, path).replace(/\.ts$/, ".js")));
  }
}

function compileFile(from: string, to: string): void {
  const { code } = transformSync(programFor(FRAMEWORK, readFileSync(from, "utf8")), {
    filename: from,
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, code);
}
