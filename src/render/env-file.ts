import { alwaysQuote } from "./shell-quote";

/** `KEY='value'` lines that a POSIX shell reads with `.`, in the given order. */
export function renderEnv(variables: { readonly [key: string]: string }): string {
  return Object.entries(variables)
    .map(([key, value]) => `${key}=${alwaysQuote(value)}\n`)
    .join("");
}
