import { createHash } from "node:crypto";
import { Fn, TerraformLocal, Token } from "cdktf";
import type { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";
import { hasNumberToken } from "../validation/problem";

/**
 * The SHA-256 digest of a text in hex, for a trigger. It is computed at synth or, if the text contains tokens, by
 * Terraform. A trigger must never use an attribute of a `local_file`: a fresh checkout has none of these files, so
 * everything would be replaced.
 */
export function textDigest(scope: Construct, id: string, text: string): string {
  if (!Token.isUnresolved(text) && !hasNumberToken(text)) return createHash("sha256").update(text).digest("hex");
  return Fn.sha256(new TerraformLocal(scope, id, escapeTerraform(text)).asString);
}
