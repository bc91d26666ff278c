import { createHash } from "node:crypto";
import { Fn, TerraformLocal, Token } from "cdktf";
import type { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";

/**
 * SHA-256 of a text in hex, for a trigger: computed at synth, or, where the text holds tokens, by Terraform.
 * Never that of a `local_file`'s attribute: a fresh checkout has none of these files, and would replace everything.
 */
export function textDigest(scope: Construct, id: string, text: string): string {
  if (!Token.isUnresolved(text)) return createHash("sha256").update(text).digest("hex");
  return Fn.sha256(new TerraformLocal(scope, id, escapeTerraform(text)).asString);
}
