import { App } from "cdktf";
import type { Construct, IConstruct } from "constructs";

/** CDKTF, and CDK Terrain, its fork. This source is published for each, as cdktf-etcd and as cdktn-etcd. */
const FRAMEWORKS = ["cdktf", "cdktn"];

/**
 * The two frameworks recognize each other's apps and stacks, and fail at synth in places that do not tell why.
 *
 * @throws Error when the construct is in an app or a stack of the other framework.
 */
export function checkFramework({ node }: Construct): void {
  const own = packageOf(App);
  const foreign = node.scopes.find(({ constructor }) => {
    const name = packageOf(constructor);
    return FRAMEWORKS.includes(name) && name !== own;
  });
  if (!foreign) return;
  const other = packageOf(foreign.constructor);
  throw new Error(
    `${node.path}: ${own}-etcd is for ${own}, but ${describe(foreign)} is of ${other}, and one program cannot mix the two; ` +
      `use ${other}-etcd in place of ${own}-etcd, or import App and TerraformStack from ${own}`,
  );
}

/**
 * @throws Error when the app is written as HCL. Of a text of several lines, CDKTF makes a string over several lines,
 * which HCL does not have.
 */
export function requireJson(construct: Construct): void {
  if (!App.of(construct).hclOutput) return;
  throw new Error(
    `${construct.node.path}: cannot be written as HCL, because Terraform cannot read what becomes of texts of several lines there; ` +
      "leave out --hcl (hclOutput, SYNTH_HCL_OUTPUT): Terraform reads JSON as well",
  );
}

/** The npm package of a class that jsii compiled, or of the class that it extends: jsii leaves a mark in each. */
function packageOf(constructor: object): string {
  const { fqn = "" } = (constructor as { [mark: symbol]: { fqn?: string } })[Symbol.for("jsii.rtti")] ?? {};
  return fqn.split(".")[0];
}

function describe({ node }: IConstruct): string {
  return node.scope ? `the stack "${node.id}"` : "the app";
}
