import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { renderEnv } from "../../src/render/env-file";
import { shellQuote } from "../../src/render/shell-quote";

test.each([
  ["etcd-server-7-12", "etcd-server-7-12"],
  ["https://10.4.7.12:2380", "https://10.4.7.12:2380"],
  ["", "''"],
  ["two words", "'two words'"],
  ["it's", `'it'\\''s'`],
  ["a=b", "'a=b'"],
  ["~root", "'~root'"],
  ["https://[fd00::12]:2380", "'https://[fd00::12]:2380'"],
  ["${TfToken[TOKEN.7]}", "'${TfToken[TOKEN.7]}'"],
  ["-8.109562212592099e+298", "'-8.109562212592099e+298'"],
])("%j is quoted as %s", (text, quoted) => {
  expect(shellQuote(text)).toBe(quoted);
});

test("an environment file has one quoted value per line", () => {
  expect(renderEnv({ MEMBER: "etcd-server-7-12", HOST: "it's" })).toBe(`MEMBER='etcd-server-7-12'\nHOST='it'\\''s'\n`);
});

// Texts without NUL, which a shell word cannot contain, and with many characters that shells treat specially.
const special = fc.constantFrom(..."'\"\\$`!~#&*?[]{}();<>|=%^ \t\n\r-");
const texts = fc
  .sample(fc.string({ unit: fc.oneof(special, fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 })) }), {
    numRuns: 1000,
    seed: 1,
  })
  .filter((text) => !text.includes("\0"));

describe.each(["sh", "dash", "bash"])("%s", (shell) => {
  const run = (script: string) =>
    execFileSync(shell, ["-c", 'eval "$(cat)"'], { input: script, encoding: "utf8" }).split("\0");

  test("reads every quoted word back as it was", () => {
    expect(run(`printf '%s\\0' ${texts.map(shellQuote).join(" ")} end\n`).slice(0, -2)).toEqual(texts);
  });

  test("reads every value of an environment file back as it was", () => {
    const variables = Object.fromEntries(texts.map((text, i) => [`V${i}`, text]));
    const print = texts.map((_, i) => `printf '%s\\0' "$V${i}"\n`).join("");
    expect(run(`${renderEnv(variables)}${print}`).slice(0, -1)).toEqual(texts);
  });
});
