/**
 * The argument of a factory. Without this, an argument that is not there, such as a variable of the environment that is
 * not set, would make the object one of another kind: an SshKey of the agent, a restore of another source.
 *
 * @param name What is missing, for the message: `SshKey.file(path)`.
 * @throws Error when there is no value.
 */
export function required<T>(name: string, value: T): T {
  if (value === undefined || value === null) throw new Error(`${name}: is missing; set it`);
  return value;
}

/**
 * The same for a text.
 *
 * @throws Error when there is no text.
 */
export function requiredText(name: string, value: string): string {
  const text = asText(required(name, value));
  if (typeof text !== "string") throw new Error(`${name}: is not a text; put it in quotes`);
  return text;
}

/** The text that stands for an expression of Terraform, such as `value` of a TerraformVariable; or the value itself. */
export function asText<T>(value: T): T | string {
  return isExpression(value) ? String(value) : value;
}

function isExpression(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { resolve?: unknown }).resolve === "function";
}
