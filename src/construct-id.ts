import { TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { checkFramework } from "./framework";
import { throwProblems } from "./validation/certificate-fields";

/** Ids of the constructs that the clusters of a stack share. These constructs are direct children of the stack. */
const TAKEN = ["etcd-host-scripts", "etcd-local-provider", "etcd-null-provider", "etcd-shutdown", "etcd-tls-provider"];

const MAX_FILE_NAME_BYTES = 255;

/**
 * Ids become Terraform resource names, and parts of paths and messages.
 *
 * @throws Error when the id of the construct, of its stack, or of a construct that contains it, cannot be used for that,
 * or when the stack is of another framework.
 */
export function checkId(construct: Construct): void {
  checkFramework(construct);
  const { path } = construct.node;
  const inStack = path.slice(TerraformStack.of(construct).node.path.length + 1).split("/");
  throwProblems(construct.constructor.name, path, problems(path.split("/"), inStack));
}

function* problems(all: string[], inStack: string[]): Iterable<string> {
  const [first] = inStack;
  for (const id of all) {
    if (/[\p{Cc}"'\\$%{}]/u.test(id)) {
      yield `id: ${JSON.stringify(id)} contains a character that has a special meaning in Terraform or in a shell; use letters, digits, "_" and "-"`;
    }
  }
  for (const id of inStack) {
    if (Buffer.byteLength(id) > MAX_FILE_NAME_BYTES || /^[.]{1,2}$/.test(id))
      yield `id: ${JSON.stringify(id)} cannot be the name of a directory, for the rendered files; use ${MAX_FILE_NAME_BYTES} bytes at most, and neither "." nor ".."`;
  }
  // CDKTF removes all other characters from the names.
  if (!/^[A-Za-z_]/.test(first.replace(/[^A-Za-z0-9_-]/g, ""))) {
    yield `id: "${first}" would be the start of Terraform resource names, which must start with a letter or "_"; use e.g. "etcd-${first.replace(/^[^A-Za-z0-9]+/, "") || "1"}"`;
  }
  if (inStack.length === 1 && TAKEN.includes(first))
    yield `id: "${first}" is the id of a construct in every stack that has a cluster; use another id`;
}
