import { AssetType, TerraformAsset, TerraformLocal, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { HOST_SCRIPT_FILES, REMOVAL_SCRIPT_FILES, SCRIPTS_DIRECTORY } from "./host-scripts";

const ID = "etcd-host-scripts";

/**
 * The scripts of this package, once in a stack however many clusters it has: as files beside the synthesized program, which Terraform reads where
 * it needs them. As texts in the program itself they were two thirds of the time of every plan.
 */
export class SharedScripts extends Construct {
  /** Those of the stack, made when they are first asked for. */
  public static of(scope: Construct): SharedScripts {
    const stack = TerraformStack.of(scope);
    return (stack.node.tryFindChild(ID) as SharedScripts | undefined) ?? new SharedScripts(stack);
  }

  /** A reference to the text of all host scripts. */
  public readonly hostScripts: string;

  /** An expression for those of a removal: a destroy-time provisioner may refer to nothing but files. */
  public readonly removalScripts: string;

  private constructor(stack: TerraformStack) {
    super(stack, ID);
    const asset = new TerraformAsset(this, "files", { path: SCRIPTS_DIRECTORY, type: AssetType.DIRECTORY });
    const directory = `\${path.module}/${asset.path.replace(/\/$/, "")}`;
    this.hostScripts = new TerraformLocal(this, "text", textOf(directory, HOST_SCRIPT_FILES)).asString;
    this.removalScripts = textOf(directory, REMOVAL_SCRIPT_FILES);
  }
}

function textOf(directory: string, names: readonly string[]): string {
  const list = names.map((name) => `"${name}"`).join(", ");
  return `\${join("\\n", [for name in [${list}] : file("${directory}/\${name}")])}`;
}
