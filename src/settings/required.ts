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
