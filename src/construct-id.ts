import { TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { throwProblems } from "./validation/certificate-fields";

/** Ids of what the clusters of a stack share, directly below it. */
const TAKEN = ["etcd-host-scripts", "etcd-shutdown", "local-provider", "null-provider", "tls-provider"];

/**
 * Ids become the names of Terraform's resources, and parts of paths and texts.
 *
 * @throws Error when an id of a construct, or of one around it in the stack, cannot be that.
 */
export function checkId(construct: Construct): void {
  const ids = construct.node.path.slice(TerraformStack.of(construct).node.path.length + 1).split("/");
  throwProblems(construct.constructor.name, construct.node.path, problems(ids));
}

function* problems(ids: string[]): Iterable<string> {
  const [first] = ids;
  for (const id of ids) {
    if (/[\p{Cc}"'\\$%{}]/u.test(id)) {
      yield `id: ${JSON.stringify(id)} holds a character that has a meaning in Terraform or a shell; give letters, digits, "_" and "-"`;
    }
  }
  // CDKTF leaves other characters out of the names.
  if (!/^[A-Za-z_]/.test(first.replace(/[^A-Za-z0-9_-]/g, ""))) {
    yield `id: "${first}" would begin the names of Terraform's resources, which begin with a letter or "_"; give e.g. "etcd-${first.replace(/^[^A-Za-z0-9]+/, "") || "1"}"`;
  }
  if (ids.length === 1 && TAKEN.includes(first))
    yield `id: "${first}" is the id of a part of every cluster's stack; give another`;
}
