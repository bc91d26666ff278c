/** What nothing can quote: control characters, blanks at the ends, comment signs after a blank, and supervisor's own `here`, which it replaces first. */
const ILLEGAL = /\p{Cc}|^\s|\s$|\s[;#]|%\(here\)s/u;

/**
 * The one owner of the ini dialect that supervisor 4 reads: `%` starts an expansion, ` ;` and ` #` start a comment.
 *
 * @param section Name of the section, without brackets.
 * @throws when a value cannot be written in this dialect.
 */
export function renderIni(section: string, values: { readonly [key: string]: string }): string {
  const lines = Object.entries(values).map(([key, value]) => `${key}=${iniValue(key, value)}\n`);
  return `[${section}]\n${lines.join("")}`;
}

function iniValue(key: string, value: string): string {
  if (ILLEGAL.test(value)) {
    throw new Error(
      `${key}: ${JSON.stringify(value)} cannot stand in a supervisor file; leave out line breaks, blanks at the ends, " ;", " #" and "%(here)s"`,
    );
  }
  return value.replace(/%/g, "%%");
}
