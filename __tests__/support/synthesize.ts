import { TerraformStack, Testing } from "cdktf";

/** The Terraform JSON that `build` makes of an empty stack, without cdktf's own remarks (`//`). */
export function synthesize(build: (stack: TerraformStack) => void) {
  const stack = new TerraformStack(Testing.app({ fakeCdktfJsonPath: true }), "stack");
  build(stack);
  return JSON.parse(Testing.synth(stack, true), (key, value) => (key === "//" ? undefined : value)) as {
    provider: { [name: string]: object[] };
    resource: { [type: string]: { [id: string]: { [attribute: string]: unknown } } };
    output?: { [id: string]: { value: unknown } };
  };
}
