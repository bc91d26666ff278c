import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Framework, programFor } from "../support/framework";
import { PYTHON, run, type StackJson, stackJson, wheel } from "../support/packages";
import { temporaryDirectory } from "../support/temporary-directory";

const ROOT = join(__dirname, "..", "..");
const directory = temporaryDirectory();

/** The variables that main.ts and its copy in Python read, with other values than their defaults. */
const SETTINGS = {
  ETCD_VERSION: "3.5.33",
  ETCD_MIRROR: "https://mirror.example/etcd",
  ETCD_SHA256: "a".repeat(64),
  SSH_USER: "ops",
  SSH_PORT: "2222",
  SSH_PRIVATE_KEY_FILE: "keys/id_ed25519",
};
type Settings = { [variable: string]: string };

/** Programs in TypeScript, and the same in Python. */
const MAIN = { typescript: "main.ts", python: "examples/python/main.py" };
const WIDE = { typescript: "__tests__/packages/programs/wide.ts", python: "__tests__/packages/programs/wide.py" };
const PROGRAMS: [title: string, program: typeof MAIN, settings: Settings][] = [
  ["main.ts with its defaults", MAIN, {}],
  ["main.ts with other settings", MAIN, SETTINGS],
  ["the rest of the API", WIDE, {}],
];

/** The outputs of the programs in TypeScript, which are the same for both wheels. */
const expected = new Map<string, StackJson>();

let runs = 0;

/** Runs a program in the checkout, and returns the JSON of its stack. */
function synthesize(settings: Settings, ...command: string[]): StackJson {
  const outdir = join(directory, `${(runs += 1)}.out`);
  const variables = { ...settings, CDKTF_OUTDIR: outdir, JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: "20" };
  run(ROOT, "env", ...Object.entries(variables).map(([name, value]) => `${name}=${value}`), ...command);
  return stackJson(ROOT, outdir);
}

function fromTypeScript(program: string, settings: Settings): StackJson {
  const key = JSON.stringify([program, settings]);
  const json = expected.get(key) ?? synthesize(settings, process.execPath, "--import", "tsx", program);
  expected.set(key, json);
  return json;
}

describe.each<Framework>(["cdktf", "cdktn"])("the wheel for %s", (framework) => {
  const site = join(directory, `site-${framework}`);

  beforeAll(() => {
    run(
      directory,
      PYTHON,
      "-m",
      "pip",
      "install",
      "--quiet",
      "--no-deps",
      "--no-index",
      "--target",
      site,
      wheel(framework),
    );
  });

  function synthesizePython(program: string, settings: Settings): StackJson {
    const file = join(directory, `program-for-${framework}.py`);
    writeFileSync(file, programFor(framework, readFileSync(join(ROOT, program), "utf8")));
    return synthesize({ ...settings, PYTHONPATH: site }, PYTHON, file);
  }

  test("needs what is installed with it, and no other versions", () => {
    expect(run(ROOT, "env", `PYTHONPATH=${site}`, PYTHON, "-m", "pip", "check")).toBe(
      "No broken requirements found.\n",
    );
    // The check above saw the wheel, not only the packages that were there before.
    expect(run(ROOT, "env", `PYTHONPATH=${site}`, PYTHON, "-m", "pip", "show", `${framework}-etcd`)).toContain(
      `Requires: ${framework}`,
    );
  });

  test.each(PROGRAMS)("gives the same JSON as TypeScript for %s", (_, { typescript, python }, settings) => {
    expect(synthesizePython(python, settings)).toEqual(fromTypeScript(typescript, settings));
  });
});

test("a Python program that mixes the two frameworks is refused", () => {
  const file = join(directory, "mixed.py");
  writeFileSync(
    file,
    `from cdktn import App, TerraformStack
from cdktf_etcd import EtcdCluster, EtcdMemberProps, SshKey, SshOptions
stack = TerraformStack(App(), "production")
EtcdCluster(stack, "etcd", members=[EtcdMemberProps(name="a", address="10.0.0.1")], ssh=SshOptions(key=SshKey.agent()))
`,
  );
  expect(() => synthesize({ PYTHONPATH: join(directory, "site-cdktf") }, PYTHON, file)).toThrow(
    "RuntimeError: production/etcd: cdktf-etcd is for cdktf, but the app is of cdktn",
  );
});
