import { HOST_SCRIPTS, type Block, type Provisioner, type StackJson } from "./synth";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Section = [title: string, body: Json];
type Member = { [key: string]: string };

/** The lines that every program has before and after its data and its commands. */
const FRAME = /^set -eu$|^\$\{local\.[\w-]+_facts\}$|^\$\{local\.etcd-host-scripts_text\}$|^<(host|removal) scripts>$/;

/**
 * Summarizes a stack for people to read. It shows only the differences for each member after the first, shows only once
 * what several resources have in common, and puts words in place of digests and the host scripts.
 */
export function summary(json: StackJson): string {
  const members = Object.values(json.resource.terraform_data).flatMap(({ for_each }) => Object.values(for_each ?? {}));
  const sections = new Map<string, Json>([...locals(json), ...connections(json), ...resources(json), ...outputs(json)]);
  const said = new Map<string, string>();
  const shown = new Set<string>();
  const text = [...sections].map(([title, body]) => {
    for (const member of members.slice(1)) {
      const swap = (value: string) => exchange(value, member, members[0]);
      if (shown.has(swap(title))) {
        return `${title}: like ${swap(title)}${tree(different(body, sections.get(swap(title)) as Json, swap), "  ")}`;
      }
    }
    shown.add(title);
    return `${title}:${tree(saidOnce(body, title, said), "  ")}`;
  });
  return `${text.join("\n")}\n`.replace(/\b[0-9a-f]{64}\b/g, "<sha256>");
}

function locals(json: StackJson): Section[] {
  return Object.entries(json.locals ?? {})
    .filter(([, text]) => text !== HOST_SCRIPTS)
    .map(([name, text]) => [`local.${name}`, text]);
}

function outputs(json: StackJson): Section[] {
  return Object.entries(json.output ?? {}).map(([name, output]) => [`output.${name}`, output as Json]);
}

/**
 * The connections of the provisioners, by host. That of decommission is left out, because it is the same in every
 * stack.
 */
function connections(json: StackJson): Section[] {
  return Object.values(json.resource.null_resource)
    .flatMap(({ provisioner }) => provisioner ?? [])
    .map((provisioner) => connectionOf(provisioner) as { host: string })
    .map((connection) => [`connection to ${connection.host}`, connection]);
}

function connectionOf(provisioner: Provisioner): object {
  return (provisioner["remote-exec"] ?? provisioner.file)?.connection ?? {};
}

function resources(json: StackJson): Section[] {
  return Object.keys(json.resource)
    .sort()
    .flatMap((type) =>
      Object.entries(json.resource[type]).map(([id, block]): Section => [`${type}.${id}`, brief(block)]),
    );
}

function brief(whole: Block): Json {
  const block: Block = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== "//"));
  const provisioner = block.provisioner?.map((entry): Json => {
    const { connection, ...body } = (entry["remote-exec"] ?? entry.file) as unknown as { [key: string]: Json };
    const { host } = connection as { host: string };
    const inline = body.inline && { inline: (body.inline as string[]).filter((line) => !FRAME.test(line)) };
    return { ...(host.startsWith("${self") ? {} : { to: host }), ...body, ...(inline as object) };
  });
  const [first, ...rest] = Object.entries(block.for_each ?? {});
  const others = rest.map(([key, member]) => [
    key,
    different(member, first[1], (text) => exchange(text, member, first[1])),
  ]);
  const forEach = first && { for_each: { [first[0]]: first[1], ...Object.fromEntries(others) } };
  return { ...block, ...(provisioner && { provisioner }), ...forEach } as Json;
}

/** Exchanges the names and hosts of two members in a text. */
function exchange(text: string, one: Member, other: Member): string {
  const pairs = ["member", "host", "ssh_host"].flatMap((key): [string, string][] => [
    [one[key], other[key]],
    [other[key], one[key]],
  ]);
  const replacements = new Map(pairs);
  const words = [...replacements.keys()].map((word) => word.replace(/\./g, "\\.")).join("|");
  return text.replace(
    new RegExp(`(?<![0-9A-Za-z-])(?:${words})(?![0-9A-Za-z-])`, "g"),
    (word) => replacements.get(word) ?? word,
  );
}

/**
 * What is different from the first member after the two were exchanged. The order of words does not count, because the
 * exchange changes it.
 */
function different(body: Json, first: Json, swap: (text: string) => string): Json {
  const words = (value: Json) =>
    JSON.stringify(value)
      .replace(/\b[0-9a-f]{64}\b/g, "")
      .split(/[,'"\s[\]\\]+/)
      .sort()
      .join();
  const same = (a: Json, b: Json) => a !== undefined && words(JSON.parse(swap(JSON.stringify(a)))) === words(b);
  if (body === null || typeof body !== "object" || Array.isArray(body)) return same(body, first) ? {} : body;
  return Object.fromEntries(
    Object.entries(body).filter(([key, value]) => !same(value, (first as { [key: string]: Json })[key])),
  );
}

/** Shows triggers and dependencies once, and afterwards only where they were shown. */
function saidOnce(body: Json, title: string, said: Map<string, string>): Json {
  if (body === null || typeof body !== "object" || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => {
      const text = `${key} ${JSON.stringify(value)}`;
      const where = said.get(text);
      if (where === undefined) said.set(text, title);
      return [key, where !== undefined && ["triggers", "depends_on"].includes(key) ? `as of ${where}` : value];
    }),
  );
}

/** Renders keys and values with indentation, and a text of several lines as a block. */
function tree(value: Json, indent: string): string {
  if (Array.isArray(value))
    return value.map((item) => `\n${indent}-${tree(item, `${indent}  `).replace(/^\n\s+/, " ")}`).join("");
  if (value !== null && typeof value === "object") {
    return Object.entries(value)
      .map(([key, child]) => `\n${indent}${key}:${tree(child, `${indent}  `)}`)
      .join("");
  }
  const text = String(value);
  if (text.includes("\n")) return ` |\n${text.replace(/\n$/, "").replace(/^/gm, indent)}`;
  return text === "" ? "" : ` ${text}`;
}
