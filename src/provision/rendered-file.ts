import { File } from "@cdktf/provider-local/lib/file";
import type { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";

/**
 * Writes a rendered text to a file that people can read, under `etcd/` in the directory in which Terraform runs.
 *
 * @param path The path below `etcd/`. It must be the same in every checkout.
 * @param permission Octal mode.
 */
export function renderedFile(scope: Construct, id: string, path: string, text: string, permission = "0644"): File {
  return new File(scope, id, {
    filename: `\${path.module}/etcd/${path}`,
    content: escapeTerraform(text),
    filePermission: permission,
    directoryPermission: "0755",
  });
}
