import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/temporary-directory";
import { summary } from "../support/summary";
import { readable } from "../support/synth";
import { providerMirror, Terraform } from "../support/terraform";

const EXAMPLES = join(__dirname, "..", "..", "examples");
// The example in Python is run by packages/python.test.ts.
const examples = readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, "main.ts")));
const outdir = temporaryDirectory();

/** Synthesizes an example, unless that was done before, and returns the directory of its stack. */
function synthesize(example: string): string {
  const out = join(outdir, example);
  if (!existsSync(out)) {
    mkdirSync(out);
    process.env.CDKTF_OUTDIR = out;
    jest.requireActual(join(EXAMPLES, example, "main.ts"));
    delete process.env.CDKTF_OUTDIR;
  }
  const [stack] = readdirSync(join(out, "stacks"));
  return join(out, "stacks", stack);
}

test("there are examples for a minimal cluster, the runbook, an existing CA, an air-gapped network, a client, machines of the same program and a cloud", () => {
  expect(examples).toEqual([
    "air-gapped",
    "digitalocean",
    "five-members-own-ca",
    "kube-apiserver",
    "minimal",
    "provisioned-hosts",
    "runbook-3.1.20",
  ]);
});

test.each(examples)("%s is short", (example) => {
  // That of a cloud has the machines, their network and their firewall, too.
  const lines = example === "digitalocean" ? 110 : 50;
  expect(readFileSync(join(EXAMPLES, example, "main.ts"), "utf8").split("\n").length).toBeLessThan(lines);
});

test.each(examples)("%s synthesizes the stack in the snapshot", (example) => {
  const whole = summary(readable(readFileSync(join(synthesize(example), "cdk.tf.json"), "utf8")));
  // The path from the synthesized stack to the checkout is different on every machine.
  expect(whole.replace(/(?:\.\.\/)+\S*(?=\/downloads\/)/g, "<project>")).toMatchSnapshot();
});

const mirror = providerMirror();
(mirror ? describe : describe.skip)("terraform validate", () => {
  const initialized = join(outdir, "initialized");
  let terraform: Terraform;

  // The lab has no build of the cloud's provider, whose Go module is not to be had.
  const withProviders = examples.filter((example) => example !== "digitalocean");

  // One `terraform init` is enough, because these examples use the same providers.
  beforeAll(() => {
    terraform = new Terraform(join(outdir, "home"), mirror ?? "");
    cpSync(synthesize("minimal"), initialized, { recursive: true });
    terraform.run(initialized, "init", "-backend=false", "-input=false");
  }, 60_000);

  test.each(withProviders)(
    "accepts %s",
    (example) => {
      const directory = synthesize(example);
      for (const file of [".terraform", ".terraform.lock.hcl"]) {
        cpSync(join(initialized, file), join(directory, file), { recursive: true });
      }
      expect(JSON.parse(terraform.run(directory, "validate", "-json"))).toMatchObject({ valid: true, diagnostics: [] });
    },
    30_000,
  );
});
