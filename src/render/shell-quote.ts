/**
 * A word of these characters has no special meaning to any POSIX shell, wherever it stands. `+` has none either, but a
 * CDKTF token for a number has one in it (`-8.1e+298`), and its value is known only later.
 */
const PLAIN = /^[A-Za-z0-9_@%:,./-]+$/;

/**
 * The only place that knows shell quoting: turns a text into one word of POSIX sh.
 *
 * A CDKTF token stays intact inside the quotes. The value that it stands for must not contain a single quote.
 */
export function shellQuote(text: string): string {
  return PLAIN.test(text) ? text : alwaysQuote(text);
}

/** The same, but always with quotes. */
export function alwaysQuote(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
