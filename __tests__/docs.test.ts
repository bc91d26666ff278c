import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as ts from "typescript";
import { temporaryDirectory } from "./support/temporary-directory";
import { codeBlocks } from "./support/code-blocks";

const ROOT = join(__dirname, "..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** All files below a directory of the repository, with their paths from its root. */
const filesIn = (directory: string) =>
  readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
const blocks = codeBlocks();
const outdir = temporaryDirectory();

test("the README and the docs contain code blocks", () => {
  expect(blocks.map(({ place }) => place.split(":")[0])).toEqual(
    expect.arrayContaining(["README.md", "docs/deploy.md"]),
  );
});

test("every code block compiles", () => {
  // These files exist only in this map. Their paths are in the package's directory, so that their imports resolve as
  // they do in a user's program.
  const files = new Map(blocks.map(({ place, program }, i) => [join(ROOT, `block-${i}.ts`), { place, program }]));
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    lib: ["lib.es2022.d.ts"],
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    esModuleInterop: true,
    paths: { "cdktf-etcd": [join(ROOT, "src")] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const block = files.get(name);
    return block ? ts.createSourceFile(name, block.program, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  };
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([...files.keys()], options, host));
  const errors = diagnostics
    .filter(({ file }) => file === undefined || files.has(file.fileName))
    .map(({ file, messageText }) => {
      const place = file ? files.get(file.fileName)?.place : "options";
      return `${place}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  expect(errors).toEqual([]);
}, 60_000);

test.each(blocks)("the program at $place runs without an error", ({ place, program }) => {
  const { outputText } = ts.transpileModule(program, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
  });
  const load = (name: string) => jest.requireActual(name === "cdktf-etcd" ? "../src" : name);
  process.env.CDKTF_OUTDIR = join(outdir, place.replace(/\W/g, "-"));
  mkdirSync(process.env.CDKTF_OUTDIR);
  try {
    new Function("require", "exports", outputText)(load, {});
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
});

test("docs/security.md lists every place that the scripts have for a member, on its host and in etcd", () => {
  const scripts = filesIn("scripts").map(read).join("\n");
  const places = [
    // What is in the member's directory, in /run, and in etcd; not what a variable names.
    ...scripts.matchAll(/\$STATE_DIR\/([a-z][a-z.-]*)/g),
    ...scripts.matchAll(/\/run\/cdktf-etcd\/\$MEMBER(\.[a-z-]+(?:\.lock)?)/g),
    ...scripts.matchAll(/\b(cdktf-etcd\/[a-z]+(?:\/[a-z]+)?)/g),
  ].map(([, place]) => place);
  expect(places.length).toBeGreaterThan(30);
  const page = read("docs/security.md");
  expect([...new Set(places)].filter((place) => !page.includes(place)).sort()).toEqual([]);
});

test("a command of a page that replaces what `terraform state list` has replaces nothing but this package's resources", () => {
  const commands = filesIn("docs").flatMap(
    (page) => read(page).match(/^ *terraform apply .*\$\(terraform state list .*$/gm) ?? [],
  );
  expect(commands).toHaveLength(4);
  const own = [
    ...["member_a_stage_1B2C3D4E", "member_a_bootstrap_0A1B2C3D", "membership_4D3C2B1A"].map(
      (id) => `null_resource.etcd_${id}`,
    ),
    "tls_self_signed_cert.etcd_ca_cert_348865CC",
    "tls_locally_signed_cert.etcd_peer_a_cert_178068D5",
  ];
  const theirs = [
    ...["my_stage_box_1B2C3D4E", "the_membership_box_4D3C2B1A", "x_bootstrap_1B2C3D4E"].map(
      (id) => `digitalocean_droplet.${id}`,
    ),
    "tls_self_signed_cert.website",
    "tls_locally_signed_cert.website",
  ];
  const terraform = `terraform() { if [ "$1" = state ]; then printf '%s\\n' ${[...own, ...theirs].join(" ")}; else shift; printf '%s\\n' "$@"; fi; }`;
  const replaced = commands.flatMap((command) =>
    execFileSync("sh", ["-c", `${terraform}\n${command}`], { encoding: "utf8" })
      .trim()
      .split("\n"),
  );
  expect(replaced.sort()).toEqual(own.map((address) => `-replace=${address}`).sort());
});

describe("links", () => {
  const pages = filesIn("docs")
    .filter((file) => file.endsWith(".md"))
    .concat("README.md", "AGENTS.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    .concat("lab/README.md", "examples/README.md", "examples/python/README.md");
  const text = (page: string) => read(page).replace(/^ *```.*?^ *```$/gms, "");

  /** The names that GitHub gives to the headings of a page. */
  const anchors = (page: string) =>
    [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replace(/ /g, "-"),
    );

  /** Whether there is such a file or directory and, if it is a page, such a heading. */
  function leadsSomewhere(path: string, anchor: string | undefined): boolean {
    if (!existsSync(join(ROOT, path))) return false;
    return anchor === undefined || anchors(path).includes(anchor);
  }

  test.each(pages)("every link in %s leads to a file, and to a heading in it", (page) => {
    const links = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
    const dead = links.filter((link) => {
      const [path, anchor] = link.split("#");
      return !/^https?:/.test(link) && !leadsSomewhere(path ? join(dirname(page), path) : page, anchor);
    });
    expect(dead).toEqual([]);
  });

  test("every page that a message or a comment names exists, with the heading", () => {
    const named = [...filesIn("scripts"), ...filesIn("src")].flatMap((file) =>
      [...read(file).matchAll(/\bdocs\/[a-z/0-9-]+\.md(?:#[a-z0-9-]+)?/g)].map(([link]) => link),
    );
    expect(named.length).toBeGreaterThan(20);
    const isDead = (link: string) => !leadsSomewhere(...(link.split("#") as [string, string | undefined]));
    expect(named.filter(isDead)).toEqual([]);
  });

  test("a message that names a long page names the heading, too", () => {
    const long = (page: string) => read(page).split("\n").length > 200;
    const named = filesIn("scripts").flatMap((file) =>
      [...read(file).matchAll(/^\s*[^#\s].*?(docs\/[a-z-]+\.md)(?!#)/gm)].map(([, page]) => page),
    );
    expect(named.length).toBeGreaterThan(1);
    expect([...new Set(named.filter(long))]).toEqual([]);
  });
});
