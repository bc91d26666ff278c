import { TerraformProvider, TerraformStack } from "cdktf";
import type { Construct } from "constructs";

/**
 * Adds a provider to the stack unless the program did so before: CDKTF wants a construct for each provider, even one without settings.
 * One of the program's own must come before the cluster, since Terraform allows one provider of a kind without alias.
 *
 * @param type The provider's name in Terraform: `null`, `tls`, `local`.
 * @param make Makes the provider, given a scope and an id.
 */
export function ensureProvider(
  scope: Construct,
  type: string,
  make: (scope: Construct, id: string) => TerraformProvider,
): void {
  const stack = TerraformStack.of(scope);
  const id = `${type}-provider`;
  // The one added here is found by its id: a search through the whole stack for each leaf would make synth quadratic.
  if (stack.node.tryFindChild(id)) return;
  const providers = stack.node.findAll().filter((node) => TerraformProvider.isTerraformProvider(node));
  if (!providers.some((provider) => provider.terraformResourceType === type)) make(stack, id);
}
