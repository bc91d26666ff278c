import { File } from "@cdktf/provider-local/lib/file";
import type { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";

export interface RenderedFileProps {
  /** The path below `etcd/` in the directory in which Terraform runs. It must be the same in every checkout. */
  readonly path: string;
  readonly text: string;
  /** Octal mode; default `0644`. */
  readonly permission?: string;
}

/** A rendered text, in a file that people can read. */
export class RenderedFile extends File {
  public constructor(scope: Construct, id: string, { path, text, permission = "0644" }: RenderedFileProps) {
    super(scope, id, {
      filename: `\${path.module}/etcd/${path}`,
      content: escapeTerraform(text),
      filePermission: permission,
      directoryPermission: "0755",
    });
  }
}
