import { alwaysQuote } from "./shell-quote";

/** `KEY='value'` lines that a POSIX shell reads by `.`, in the order given. */
export function renderEnv(variables: { readonly [key: string]: string }): string {
  return Object.entries(variables)
    .map(([key, value]) => `${key}=${alwaysQuote(value)}\n`)
    .join("");
}
