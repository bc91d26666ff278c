/** A CDKTF token, as it appears in a string until synth. */
const TOKEN = String.raw`\$\{TfToken\[[A-Za-z0-9:._-]+\]\}`;

const DOLLARS_BEFORE_TOKEN = String.raw`\$+(?=${TOKEN})`;
const TEMPLATE_START = String.raw`(?!${TOKEN})[$%]\{`;
const SPECIAL = new RegExp(`${DOLLARS_BEFORE_TOKEN}|${TEMPLATE_START}`, "g");

/**
 * The only place that knows Terraform's escaping: writes literal text so that Terraform reads it from the JSON
 * unchanged.
 *
 * `${` and `%{` are doubled to `$${` and `%%{`. CDKTF tokens stay as they are, because Terraform is to evaluate them. A
 * `$` directly before a token goes into an expression of its own, because otherwise it would escape the token's `${`.
 */
export function escapeTerraform(text: string): string {
  return text.replace(SPECIAL, (match) => (match.endsWith("{") ? `${match[0]}${match}` : `\${"${match}"}`));
}

/** The same for each value of a map, such as triggers or what a resource stores. */
export function escapeValues(values: { readonly [key: string]: string }): { [key: string]: string } {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, escapeTerraform(value)]));
}

/**
 * Literal text as a Terraform string inside an expression: `${file("…")}`. There, CDKTF writes a token without `${…}`, so
 * a token is a part of its own: `join("", ["keys/", var.name])`.
 */
export function terraformString(text: string): string {
  const parts = text
    .split(new RegExp(`(${TOKEN})`))
    .map((part, i) => (i % 2 === 1 ? part : quoted(part)))
    .filter((part) => part !== quoted(""));
  return parts.length > 1 ? `join("", [${parts.join(", ")}])` : (parts[0] ?? quoted(""));
}

function quoted(literal: string): string {
  const text = literal
    .replace(/\\/g, "\\\\")
    .replace(/"/g, '\\"')
    .replace(/\n/g, "\\n")
    .replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t");
  return `"${escapeTerraform(text)}"`;
}
