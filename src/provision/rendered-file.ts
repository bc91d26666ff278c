import { File } from "@cdktf/provider-local/lib/file";
import { TerraformLocal } from "cdktf";
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
  /**
   * A reference to the text. What needs it must not take it from the file: a resource of the program that has
   * `create_before_destroy` and depends on the cluster would spread that to the file (ADR 3).
   */
  public readonly text: string;

  public constructor(scope: Construct, id: string, { path, text, permission = "0644" }: RenderedFileProps) {
    super(scope, id, {
      filename: `\${path.module}/etcd/${path}`,
      filePermission: permission,
      directoryPermission: "0755",
    });
    this.text = new TerraformLocal(this, "text", escapeTerraform(text)).asString;
    this.content = this.text;
  }
}
