import { isAbsolute, join, relative, resolve } from "node:path";
import { App, Lazy, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { terraformString } from "../render/terraform-escape";
import type { ClusterSettings } from "../settings";

/**
 * A path on the operator's machine, as Terraform needs it: Terraform runs in the stack's own directory, but the
 * operator means the project's directory. A relative path stays relative, so that another checkout gives the same plan.
 * Absolute paths, and paths that start with `~` or with what is known only at apply, stay as they are.
 */
export function operatorPath(scope: Construct, path: string): string {
  if (isAbsolute(path) || /^(~|[A-Za-z]:[\\/]|\$\{TfToken\[)/.test(path)) return path;
  const stack = TerraformStack.of(scope);
  const app = App.of(scope);
  const directory = join(app.outdir, app.manifest.forStack(stack).workingDirectory);
  return relative(resolve(directory), resolve(path));
}

/** The settings of a cluster, with the paths of the SSH keys as Terraform needs them. */
export function withOperatorPaths(scope: Construct, cluster: ClusterSettings): ClusterSettings {
  const forTerraform = (path?: string) => (path === undefined ? undefined : operatorPath(scope, path));
  return {
    ...cluster,
    members: cluster.members.map((member) => ({
      ...member,
      ssh: {
        ...member.ssh,
        privateKeyFile: forTerraform(member.ssh.privateKeyFile),
        bastionPrivateKeyFile: forTerraform(member.ssh.bastionPrivateKeyFile),
      },
    })),
  };
}

/**
 * A call of Terraform functions with a path, as a token: `${file(pathexpand("…"))}`. `Fn` is not used, because it would
 * interpret a quote, a backslash or a `${` in the path.
 */
export function callOnPath(functions: readonly string[], path: string): string {
  const call = functions.reduceRight((inner, name) => `${name}(${inner})`, terraformString(path));
  return Lazy.stringValue({ produce: () => `\${${call}}` });
}
