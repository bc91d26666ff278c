import { isAbsolute, join, relative, resolve } from "node:path";
import { App, Lazy, TerraformStack, Token } from "cdktf";
import type { Construct } from "constructs";
import { terraformString } from "../render/terraform-escape";
import type { ClusterSettings } from "../settings";

/**
 * A path of the operator's, as Terraform must spell it: it runs in the stack's own directory, the operator thinks of the project's.
 * Relative paths stay relative, so that another checkout gives the same plan; absolute ones and `~` stay as they are, and so does
 * what is known at apply only.
 */
export function operatorPath(scope: Construct, path: string): string {
  if (Token.isUnresolved(path) || isAbsolute(path) || /^(~|[A-Za-z]:[\\/])/.test(path)) return path;
  const stack = TerraformStack.of(scope);
  const app = App.of(scope);
  const directory = join(app.outdir, app.manifest.forStack(stack).workingDirectory);
  return relative(resolve(directory), resolve(path));
}

/** A cluster whose members' SSH keys are found from where Terraform runs. */
export function withOperatorPaths(scope: Construct, cluster: ClusterSettings): ClusterSettings {
  const found = (path?: string) => (path === undefined ? undefined : operatorPath(scope, path));
  return {
    ...cluster,
    members: cluster.members.map((member) => ({
      ...member,
      ssh: {
        ...member.ssh,
        privateKeyFile: found(member.ssh.privateKeyFile),
        bastionPrivateKeyFile: found(member.ssh.bastionPrivateKeyFile),
      },
    })),
  };
}

/**
 * A function of Terraform's of a path, as a token: `${file(pathexpand("…"))}`. Not by `Fn`, which takes a quote, a backslash or a `${` in
 * the path for its own.
 */
export function ofPath(functions: readonly string[], path: string): string {
  const call = functions.reduceRight((inner, name) => `${name}(${inner})`, terraformString(path));
  return Lazy.stringValue({ produce: () => `\${${call}}` });
}
