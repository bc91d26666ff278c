import { Token } from "cdktf";
import type { ClusterSettings, EtcdClusterProps } from "../settings";

/** What a rule looks at: the props as the user wrote them, whose names are in the messages, and the settings with every default filled in. */
export interface Subject {
  readonly props: EtcdClusterProps;
  readonly settings: ClusterSettings;
}

/** Yields one line a problem: which prop, its value, what is wrong, what to give instead. */
export type Rule = (subject: Subject) => Iterable<string>;

/** A value that is known at synth. Tokens pass every rule untouched: what they stand for is known at apply only. */
export function isKnown<T>(value: T | undefined): value is T {
  return value !== undefined && !Token.isUnresolved(value) && !isListToken(value);
}

/** A list or map that Terraform knows at apply only is, in a program, a list with one text, or a map with one key, of this kind. */
export function isListToken(value: unknown): boolean {
  return typeof value === "string" && /[#&]\{TfToken\[/.test(value);
}

/** One problem, unless the value is absent, a token, or legal. */
export function* unless<T>(
  path: string,
  value: T | undefined,
  legal: (value: T) => boolean,
  problem: string,
): Iterable<string> {
  if (isKnown(value) && !legal(value)) yield `${path}: ${JSON.stringify(value)} ${problem}`;
}

/** Yields a problem for each item that has the key of an earlier one. */
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
