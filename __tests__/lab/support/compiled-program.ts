import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { transformSync } from "@swc/core";

const TOP = join(__dirname, "..", "..", "..");
const NODE_MODULES = join(TOP, "node_modules");

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
    mkdirSync(join(directory, "node_modules", "cdktf-etcd"), { recursive: true });
    writeFileSync(
      join(directory, "node_modules", "cdktf-etcd", "index.js"),
      'module.exports = require("../../src/index.js");\n',
    );
    compileFile(join(__dirname, "program.ts"), program);
  }
  return ["env", `NODE_PATH=${NODE_MODULES}`, "node", program];
}

function compile(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    compileFile(path, join(to, relative(from, path).replace(/\.ts$/, ".js")));
  }
}

function compileFile(from: string, to: string): void {
  const { code } = transformSync(readFileSync(from, "utf8"), {
    filename: from,
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, code);
}
