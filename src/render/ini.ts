/**
 * What cannot be quoted in any way: control characters, leading and trailing blanks, comment signs after a blank, and
 * supervisor's own `%(here)s`, which supervisor replaces first.
 */
const ILLEGAL = /\p{Cc}|^\s|\s$|\s[;#]|%\(here\)s/u;

/**
 * The only place that knows the ini dialect of supervisor 4: `%` starts an expansion, and ` ;` and ` #` start a
 * comment.
 *
 * @param section Name of the section, without brackets.
 * @throws Error when a value cannot be written in this dialect.
 */
export function renderIni(section: string, values: { readonly [key: string]: string }): string {
  const lines = Object.entries(values).map(([key, value]) => `${key}=${iniValue(key, value)}\n`);
  return `[${section}]\n${lines.join("")}`;
}

function iniValue(key: string, value: string): string {
  if (ILLEGAL.test(value)) {
    throw new Error(
      `${key}: ${JSON.stringify(value)} cannot be written in a supervisor file; leave out line breaks, leading and trailing blanks, " ;", " #" and "%(here)s"`,
    );
  }
  return value.replace(/%/g, "%%");
}
