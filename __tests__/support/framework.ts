/** The frameworks for which the package is published. */
export type Framework = "cdktf" | "cdktn";

/** A program in TypeScript or Python with the modules of another framework in its imports. */
export function programFor(framework: Framework, program: string): string {
  return program.replace(/(?<=\bfrom (?:"@?)?)cdkt[fn](?=["/_ -])/g, framework);
}
