import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { escapeTerraform } from "../../src/render/terraform-escape";
import { temporaryDirectory } from "../support/temporary-directory";

const TOKEN = "${TfToken[TOKEN.7]}";
const directory = temporaryDirectory();

test.each([
  ["plain text, 100% of $5", "plain text, 100% of $5"],
  ["${x}", "$${x}"],
  ["%{if x}", "%%{if x}"],
  ["$${x}", "$$${x}"],
  [TOKEN, TOKEN],
  [`a ${TOKEN} b`, `a ${TOKEN} b`],
  [`$${TOKEN}`, '${"$"}' + TOKEN],
  ["${TfToken[no end", "$${TfToken[no end"],
])("%j is escaped as %j", (text, escaped) => {
  expect(escapeTerraform(text)).toBe(escaped);
});

test("Terraform reads every text back unchanged and resolves every token", () => {
  // Terraform normalizes strings to NFC, so the texts are in NFC from the start.
  const piece = fc.oneof(
    fc.constantFrom("$", "%", "{", "}", "${", "%{", '"', "\\", "\n", "~}", TOKEN),
    fc.string({ unit: "grapheme", maxLength: 3 }),
  );
  const texts = fc
    .sample(fc.array(piece, { maxLength: 8 }), { numRuns: 1000, seed: 1 })
    .map((pieces) => pieces.join("").normalize("NFC"));

  const reference = (text: string) => text.split(TOKEN).join("${local.token}");
  writeFileSync(
    join(directory, "main.tf.json"),
    JSON.stringify({ locals: { token: "it", texts: texts.map((text) => reference(escapeTerraform(text))) } }),
  );
  const env: NodeJS.ProcessEnv = { ...process.env, CHECKPOINT_DISABLE: "1" };
  delete env.TF_CLI_CONFIG_FILE;
  const answer = execFileSync("terraform", ["console"], {
    cwd: directory,
    input: "base64encode(jsonencode(local.texts))",
    encoding: "utf8",
    env,
    stdio: "pipe",
  });
  const read = JSON.parse(Buffer.from(JSON.parse(answer), "base64").toString());
  expect(read).toEqual(texts.map((text) => text.split(TOKEN).join("it")));
});
