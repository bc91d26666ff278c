import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as library from "../../src";

const ROOT = join(__dirname, "..", "..");

/** A block of TypeScript in a page. */
export interface CodeBlock {
  /** `docs/deploy.md:3`, the line of its first fence. */
  readonly place: string;
  /**
   * A whole program. A block that imports nothing is the part of a program after the stack was created, and gets the
   * rest put around it.
   */
  readonly program: string;
}

/** Every ts block of the README and of the pages under docs/. */
export function codeBlocks(): CodeBlock[] {
  return ["README.md", ...pages("docs")].flatMap(blocksOf);
}

function pages(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(directory, file))
    .sort();
}

function blocksOf(page: string): CodeBlock[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```(?:ts|typescript)\n(.*?)^```$/gms)].map((match) => ({
    place: `${page}:${text.slice(0, match.index).split("\n").length}`,
    program: /^import /m.test(match[1]) ? match[1] : around(match[1]),
  }));
}

function around(fragment: string): string {
  return `import { App, Fn, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { ${Object.keys(library).join(", ")} } from "cdktf-etcd";
const app = new App();
const stack = new TerraformStack(app, "page");
${fragment}
app.synth();
`;
}
