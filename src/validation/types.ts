import { Token, Tokenization } from "cdktf";
import { asText } from "../settings/required";
import { throwProblems } from "./certificate-fields";
import { hasNumberToken, isListToken, isPlainObject, shown } from "./problem";

/**
 * `text`; `other`, which a rule checks by itself; `map`; an example of an object of a class; a list of something, which
 * may be known only at apply if it says `late`; or an object with certain fields, of which those with `!` must be set.
 */
type Type =
  "text" | "other" | "map" | `${string}.${string}` | readonly [Type, "late"?] | { readonly [field: string]: Type };

/** All fields of an interface, so that the compiler notices one that is not listed. */
export type Fields<T> = { readonly [P in keyof T & string as undefined extends T[P] ? P : `${P}!`]-?: Type };

/** A value as plain objects, with a text for each expression of Terraform that stands for one. */
export function plain(value: unknown, type: Type): unknown {
  if (value === undefined) return value;
  if (type === "text") return asText(value);
  if (type === "map")
    return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, asText(item)]));
  if (typeof type === "string") return value;
  if (Array.isArray(type))
    return (value as unknown[]).map((item) => plain(item, (type as readonly [Type, "late"?])[0]));
  const fields = Object.entries(type as { readonly [field: string]: Type }).map(([key, fieldType]) => {
    const field = key.replace("!", "");
    return [field, plain((value as { [field: string]: unknown })[field], fieldType)] as const;
  });
  return Object.fromEntries(fields.filter(([, fieldValue]) => fieldValue !== undefined));
}

/**
 * The props of a construct as plain objects, likewise.
 *
 * @throws Error that lists the props whose values are of another type.
 */
export function typedProps<T extends object>(kind: string, path: string, props: T, type: Fields<T>): T {
  throwProblems(kind, path, requiredProblems("props", props, type));
  return plain(props, type) as T;
}

/** What is wrong with the type of a value, and with those of its fields. */
export function* fieldProblems(path: string, value: unknown, type: Type): Iterable<string> {
  if (value === undefined || type === "other") return;
  const say = (problem: string) => `${path}: ${shown(value)} ${problem}`;
  if (value === null) {
    yield say("is not a value; leave it out");
  } else if (type === "text") {
    yield* textProblems(path, value);
  } else if (isClass(type)) {
    // A secret may have been given in its place.
    if (!isInstance(value, type)) {
      yield `${path}: is ${typeof value === "object" ? "an object of another kind" : `a ${typeof value}`}; use ${type}`;
    }
  } else if (Array.isArray(type) && type[1] === "late" && Array.isArray(value) && Token.isUnresolved(value)) {
    return;
  } else if (isLate(value)) {
    yield `${path}: is known to Terraform only at apply, but must be known at synth; set it in the program, e.g. from a file or the environment`;
  } else if (Array.isArray(type)) {
    if (!Array.isArray(value)) yield say("is not a list; put it in brackets");
    else {
      for (const [i, item] of value.entries()) {
        yield* requiredProblems(`${path}[${i}]`, item, (type as readonly [Type, "late"?])[0]);
      }
    }
  } else if (typeof value !== "object" || Array.isArray(value) || (type === "map" && !isPlainObject(value))) {
    yield say("is not an object; use { … }");
  } else if (type !== "map") {
    yield* structProblems(path, value, type as { readonly [field: string]: Type });
  }
}

/** The same for a value that must be set: a variable of the environment may not be. */
export function* requiredProblems(path: string, value: unknown, type: Type): Iterable<string> {
  if (value === undefined || value === null) yield `${path}: is missing; set it`;
  else yield* fieldProblems(path, value, type);
}

function* textProblems(path: string, value: unknown): Iterable<string> {
  if (Tokenization.isResolvable(value)) return;
  if (typeof value !== "string") {
    yield `${path}: ${shown(value)} is not a text; put it in quotes`;
  } else if (isListToken(value)) {
    yield `${path}: is a list that only Terraform knows; use Fn.element(list, 0) for its first item`;
  } else if (hasNumberToken(value)) {
    yield `${path}: has a number in it that only Terraform knows; use Token.asString(…) of that number`;
  }
}

function* structProblems(path: string, value: object, type: { readonly [field: string]: Type }): Iterable<string> {
  const fields = Object.keys(type).map((key) => key.replace("!", ""));
  // A Map, a Promise or a resource would otherwise be an object in which nothing is set.
  if (!fields.some((field) => field in value) && !(isPlainObject(value) && Object.keys(value).length === 0)) {
    yield `${path}: ${shown(value)} has none of the fields ${fields.join(", ")}; use { … }`;
    return;
  }
  for (const [key, fieldType] of Object.entries(type)) {
    const field = key.replace("!", "");
    const problems = field === key ? fieldProblems : requiredProblems;
    yield* problems(
      path === "props" ? field : `${path}.${field}`,
      (value as { [field: string]: unknown })[field],
      fieldType,
    );
  }
}

/** Whether only Terraform knows a list or an object, or a part of a list. */
function isLate(value: unknown): boolean {
  return Token.isUnresolved(value) || (Array.isArray(value) && value.some(isListToken));
}

type ClassType = Extract<Type, `${string}.${string}`>;

const isClass = (type: Type): type is ClassType => typeof type === "string" && type.includes(".");

/** By the name of the class, because a program may have two copies of this package, whose objects are as good. */
function isInstance(value: unknown, type: ClassType): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { constructor } = value;
  return constructor?.name === type.split(".")[0] || isInstance(Object.getPrototypeOf(value), type);
}
