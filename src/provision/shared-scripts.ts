import { TerraformLocal, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { escapeTerraform } from "../render/terraform-escape";
import { hostScripts } from "./host-scripts";
import { readableFile } from "./rendered-file";

const ID = "etcd-host-scripts";

/** The host scripts, once in a stack however many clusters it has: as a local for the provisioners, and as a file to read. */
class SharedScripts extends Construct {
  public readonly text: string;

  public constructor(stack: TerraformStack) {
    super(stack, ID);
    // A local, not the file's content: what `membership` uses must not depend on a file (see there).
    this.text = new TerraformLocal(this, "text", escapeTerraform(hostScripts())).asString;
    readableFile(this, "file", "host-scripts.sh", this.text);
  }
}

/** A reference to the host scripts of the stack. */
export function sharedScripts(scope: Construct): string {
  const stack = TerraformStack.of(scope);
  return ((stack.node.tryFindChild(ID) as SharedScripts | undefined) ?? new SharedScripts(stack)).text;
}
