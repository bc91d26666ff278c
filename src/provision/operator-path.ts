import { isAbsolute, join, relative, resolve } from "node:path";
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

/**
 * A path of the operator's, as Terraform must spell it: it runs in the stack's own directory, the operator thinks of the project's.
 * Relative paths stay relative, so that another checkout gives the same plan; absolute ones and `~` stay as they are.
 */
export function operatorPath(scope: Construct, path: string): string {
  if (isAbsolute(path) || path.startsWith("~")) return path;
  const stack = TerraformStack.of(scope);
  const app = App.of(scope);
  const directory = join(app.outdir, app.manifest.forStack(stack).workingDirectory);
  return relative(resolve(directory), resolve(path));
}
