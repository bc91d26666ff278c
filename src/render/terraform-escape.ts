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
