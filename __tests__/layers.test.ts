import { execFileSync } from "node:child_process";
import { join } from "node:path";

// Imports that the lint must refuse, and imports that it must allow, for each layer.
const REFUSED: [file: string, line: string][] = [
  ["src/etcd-cluster.ts", 'import "@cdktf/provider-null";'],
  ["src/etcd-member.ts", 'import "./etcd-cluster";'],
  ["src/validation/x.ts", 'import "../etcd-cluster";'],
  ["src/validation/x.ts", 'import "../etcd-member";'],
  ["src/pki/x.ts", 'import "../provision/stage";'],
  ["src/pki/x.ts", 'import "@cdktf/provider-null/lib/resource";'],
  ["src/provision/x.ts", 'import "../pki/key-type";'],
  ["src/provision/x.ts", 'import "@cdktf/provider-tls/lib/private-key";'],
  ["src/topology/x.ts", 'import type { Construct } from "constructs"; export type X = Construct;'],
  ["src/release/x.ts", 'import "cdktf";'],
  ["src/render/x.ts", 'import "../provision/stage";'],
  ["src/pki/x.ts", 'import "../validation";'],
  ["src/pki/x.ts", 'import "../validation/host-rules";'],
  ["src/settings/x.ts", 'import "../pki/key-type";'],
];
const ALLOWED: [file: string, line: string][] = [
  ["src/etcd-cluster.ts", 'import "./provision/stage";'],
  ["src/pki/x.ts", 'import "@cdktf/provider-tls/lib/private-key";'],
  ["src/provision/x.ts", 'import "../render/env-file";'],
  ["src/render/x.ts", 'import "../topology/urls";'],
  ["src/pki/x.ts", 'import "../validation/certificate-fields";'],
  ["src/settings/x.ts", 'import type { KeyType } from "../pki/key-type"; export type X = KeyType;'],
];

/** The lint messages for each file and text. eslint runs in its own process, because it does not run inside jest. */
function lint(cases: [file: string, line: string][]): string[][] {
  const program = `
    import { ESLint } from "eslint";
    const eslint = new ESLint();
    const answers = [];
    for (const [filePath, text] of ${JSON.stringify(cases)}) {
      const [{ messages }] = await eslint.lintText(text + "\\n", { filePath });
      answers.push(messages.map(({ message }) => message));
    }
    console.log(JSON.stringify(answers));`;
  const args = ["--input-type=module", "--eval", program];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: join(__dirname, ".."), encoding: "utf8" }));
}

test("an import that breaks the layers is a lint error with a reason, and other imports are accepted", () => {
  const answers = lint([...REFUSED, ...ALLOWED]);
  const told = answers.map((messages) => messages.length);
  expect(told).toEqual([...REFUSED.map(() => 1), ...ALLOWED.map(() => 0)]);
  for (const [message] of answers.slice(0, REFUSED.length))
    expect(message).toMatch(/restricted from being used.*\. \w/);
});
