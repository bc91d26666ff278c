import { TerraformStack, Testing } from "cdktf";

/** The Terraform JSON of a stack that `build` fills, without CDKTF's own comments (`//`). */
export function synthesize(build: (stack: TerraformStack) => void) {
  const stack = new TerraformStack(Testing.app({ fakeCdktfJsonPath: true }), "stack");
  build(stack);
  return JSON.parse(Testing.synth(stack, true), (key, value) => (key === "//" ? undefined : value)) as {
    provider: { [name: string]: object[] };
    resource: { [type: string]: { [id: string]: { [attribute: string]: unknown } } };
    output?: { [id: string]: { value: unknown } };
  };
}
