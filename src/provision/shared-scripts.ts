import { AssetType, TerraformAsset, TerraformLocal, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import type { Side } from "../render/side-program";
import { terraformString } from "../render/terraform-escape";
import {
  DISMISSAL_SCRIPT_FILES,
  HOST_SCRIPT_FILES,
  REMOVAL_SCRIPT_FILES,
  SCRIPTS_DIRECTORY,
  SIDE_SCRIPT_FILES,
} from "./host-scripts";

const ID = "etcd-host-scripts";

/**
 * The scripts of this package, once per stack, however many clusters it has. They are files beside the synthesized
 * program, which Terraform reads where it needs them. As texts in the program itself, they took two thirds of the time
 * of every plan.
 */
export class SharedScripts extends Construct {
  /** The scripts of the stack, which are created on first use. */
  public static of(scope: Construct): SharedScripts {
    const stack = TerraformStack.of(scope);
    return (stack.node.tryFindChild(ID) as SharedScripts | undefined) ?? new SharedScripts(stack);
  }

  /** A reference to the text of all host scripts. */
  public readonly hostScripts: string;

  /**
   * An expression for the text of the scripts for a removal: a destroy-time provisioner may refer to files, but not to
   * a local value.
   */
  public readonly removalScripts: string;

  /** The same for the scripts for a dismissal. */
  public readonly dismissalScripts: string;

  private readonly directory: string;

  private constructor(stack: TerraformStack) {
    super(stack, ID);
    const asset = new TerraformAsset(this, "files", { path: SCRIPTS_DIRECTORY, type: AssetType.DIRECTORY });
    this.directory = `\${path.module}/${asset.path.replace(/\/$/, "")}`;
    this.hostScripts = new TerraformLocal(this, "text", this.textOf(HOST_SCRIPT_FILES)).asString;
    this.removalScripts = this.textOf(REMOVAL_SCRIPT_FILES);
    this.dismissalScripts = this.textOf(DISMISSAL_SCRIPT_FILES);
  }

  /** A reference to the text of the scripts of a side program. */
  public sideScripts(side: Side): string {
    const text = this.node.tryFindChild(`${side}-text`) as TerraformLocal | undefined;
    return (text ?? new TerraformLocal(this, `${side}-text`, this.textOf(SIDE_SCRIPT_FILES[side]))).asString;
  }

  /** An expression for the text of one file. */
  public file(name: string): string {
    return `\${file("${this.directory}/${name}")}`;
  }

  private textOf(names: readonly string[]): string {
    const list = names.map(terraformString).join(", ");
    return `\${join("\\n", [for name in [${list}] : file("${this.directory}/\${name}")])}`;
  }
}
