import { Token } from "cdktf";
import type { ClusterSettings, EtcdClusterProps } from "../settings";

/**
 * What a rule checks: the props as the user wrote them, whose names are in the messages, and the settings, with every
 * default filled in.
 */
export interface Subject {
  readonly props: EtcdClusterProps;
  readonly settings: ClusterSettings;
}

/** Yields one line per problem: the prop, its value, what is wrong, and what to use instead. */
export type Rule = (subject: Subject) => Iterable<string>;

/** Whether a value is known at synth. Tokens pass every rule, because their values are known only at apply. */
export function isKnown<T>(value: T | undefined): value is T {
  return value !== undefined && !Token.isUnresolved(value) && !isListToken(value);
}

/**
 * Whether a value belongs to a list or map that Terraform knows only at apply. In a program, that is a list with one
 * text, or a map with one key, of this form.
 */
export function isListToken(value: unknown): boolean {
  return typeof value === "string" && /[#&]\{TfToken\[/.test(value);
}

/**
 * Whether a text has a number in it that only Terraform knows: `https://10.4.7.12:-8.109562212592099e+298`. In a
 * program, such a number is one, too.
 */
export function hasNumberToken(text: string): boolean {
  return (text.match(/-\d\.\d+e\+\d+/g) ?? []).some((number) => Token.isUnresolved(Number(number)));
}

/** Whether an object is of no class of its own. */
export function isPlainObject(value: unknown): value is { [field: string]: unknown } {
  return typeof value === "object" && value !== null && ["Object", undefined].includes(value.constructor?.name);
}

/** A value in a message. An object of a class, which may be a secret or refer to itself, is shown by that name. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" && typeof value !== "string") return String(value);
  return isOfClass(value)
    ? `an object of ${value.constructor.name}`
    : JSON.stringify(value, (_, part) => (isOfClass(part) ? part.constructor.name : part));
}

function isOfClass(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isPlainObject(value);
}

/** Yields one problem, unless the value is absent, a token, or valid. */
export function* unless<T>(
  path: string,
  value: T | undefined,
  legal: (value: T) => boolean,
  problem: string,
): Iterable<string> {
  if (isKnown(value) && !legal(value)) yield `${path}: ${shown(value)} ${problem}`;
}

/** Yields a problem for each item that has the same key as an earlier one. */
export function* duplicates<T>(
  items: readonly T[],
  key: (item: T) => string | undefined,
  problem: (item: T, first: T) => string,
): Iterable<string> {
  const firstWith = new Map<string, T>();
  for (const item of items) {
    const value = key(item);
    if (value === undefined) continue;
    const first = firstWith.get(value);
    if (first === undefined) firstWith.set(value, item);
    else yield problem(item, first);
  }
}
