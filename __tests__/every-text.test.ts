import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { EtcdCluster } from "../src/etcd-cluster";
import { EtcdRelease } from "../src/release/etcd-release";
import { temporaryDirectory } from "./support/temporary-directory";
import { synth } from "./support/synth";
import { providerMirror, Terraform } from "./support/terraform";
import { SshKey } from "../src/settings";

/** Every text starts with this mark, so that the test finds it wherever it is used. */
const MARK = "mark.";
const PIECES = [
  "${a}",
  "%{if}",
  "$${",
  "$",
  "%",
  '"',
  "\\",
  "'",
  "{",
  "}",
  "~",
  "é",
  ";",
  "`",
  "#",
  "a b",
  "\\n",
  "/x",
];

/** A cluster in which every free-text prop has this text. */
const cluster = (text: string) =>
  synth((stack) => {
    const etcd = new EtcdCluster(stack, "etcd", {
      members: [{ name: "a", address: "10.4.7.1", machine: text }],
      machinesInStack: true,
      ssh: {
        user: text.replace(/\s/g, "_"),
        key: SshKey.file(text),
        bastionHost: "jump",
        bastionUser: text.replace(/\s/g, "_"),
        bastionKey: SshKey.file(`/${text}`),
      },
      release: EtcdRelease.localArchive(text),
      certificates: { commonName: text },
      extraFlags: { "host-whitelist": text },
      // This prop refuses single quotes, because its value is written to etcdctl.env, which a shell reads.
      operatorCredentials: { directory: text.replace(/'/g, "_"), commonName: text },
    });
    etcd.issueClientCertificate("client", { commonName: text, organization: text });
  });

/** All strings in a synthesized stack that contain the mark, each with its place. */
function marked(json: unknown, at = ""): [place: string, text: string][] {
  if (typeof json === "string") return json.includes(MARK) ? [[at, json]] : [];
  if (typeof json !== "object" || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) => marked(value, `${at}.${key}`));
}

const outdir = temporaryDirectory();
const mirror = providerMirror();
(mirror ? test : test.skip)(
  "Terraform reads every text in the props back unchanged, wherever it is used",
  () => {
    const directory = join(outdir, "texts");
    mkdirSync(directory);
    const texts = fc
      .sample(fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }), { numRuns: 5, seed: 8 })
      .map((pieces) => `${MARK}${pieces.join("")}.end`);
    const found = [...texts, `${MARK}${PIECES.slice(0, 12).join("")}.end`].flatMap((text) =>
      marked(cluster(text)).map(([place, written]) => ({ place, text, written })),
    );
    expect(new Set(found.map(({ place }) => place)).size).toBeGreaterThan(30);

    // Terraform would read the key from its file, which does not exist here, so only the path is compared.
    const value = (written: string) => written.replace(/^\$\{file\((pathexpand\(.*\))\)\}$/s, "${$1}");
    const locals = Object.fromEntries(found.map(({ written }, i) => [`v${i}`, value(written)]));
    const output = { all: { value: `\${[${found.map((_, i) => `local.v${i}`).join()}]}` } };
    writeFileSync(join(directory, "main.tf.json"), JSON.stringify({ locals, output }));
    const terraform = new Terraform(join(directory, "home"), mirror ?? "");
    terraform.run(directory, "apply", "-auto-approve", "-input=false");
    const values: string[] = JSON.parse(terraform.run(directory, "output", "-json", "all"));

    const inShell = (text: string) => text.replace(/'/g, "'\\''");
    const wrong = found.filter(({ text }, i) => {
      const blank = text.replace(/\s/g, "_");
      const forms = [text, blank, text.replace(/'/g, "_"), inShell(text)];
      return !forms.some((form) => values[i].includes(form));
    });
    expect(wrong.map(({ place, text }) => `${place}: ${text}`)).toEqual([]);
  },
  180_000,
);
