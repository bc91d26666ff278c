/** Words of these characters mean themselves to every POSIX shell, wherever they stand. */
const PLAIN = /^[A-Za-z0-9_@%+:,./-]+$/;

/**
 * The one owner of shell quoting: a text as one word of POSIX sh.
 *
 * A CDKTF token stays whole inside the quotes; what it stands for must hold no single quote.
 */
export function shellQuote(text: string): string {
  return PLAIN.test(text) ? text : alwaysQuote(text);
}

/** The same, but never bare. */
export function alwaysQuote(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
