/** A CDKTF token as it stands in a string until synth. */
const TOKEN = String.raw`\$\{TfToken\[[A-Za-z0-9:._-]+\]\}`;

const DOLLARS_BEFORE_TOKEN = String.raw`\$+(?=${TOKEN})`;
const TEMPLATE_START = String.raw`(?!${TOKEN})[$%]\{`;
const SPECIAL = new RegExp(`${DOLLARS_BEFORE_TOKEN}|${TEMPLATE_START}`, "g");

/**
 * The one owner of Terraform's escaping: literal text, as it must stand in Terraform JSON to come out as itself.
 *
 * `${` and `%{` are doubled to `$${` and `%%{`. CDKTF tokens stay, since they are meant; a `$` right before one goes into
 * an expression of its own, or it would double the token's `${`.
 */
export function escapeTerraform(text: string): string {
  return text.replace(SPECIAL, (match) => (match.endsWith("{") ? `${match[0]}${match}` : `\${"${match}"}`));
}

/** The same for each value of a map: triggers, or what a resource remembers. */
export function escapeValues(values: { readonly [key: string]: string }): { [key: string]: string } {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, escapeTerraform(value)]));
}

/** Literal text as a string of Terraform's inside an expression: `${file("…")}`. Tokens in it are evaluated. */
export function terraformString(text: string): string {
  const quoted = text
    .replace(/\\/g, "\\\\")
    .replace(/"/g, '\\"')
    .replace(/\n/g, "\\n")
    .replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t");
  return `"${escapeTerraform(quoted)}"`;
}
