import { Aspects, TerraformProvider, TerraformStack } from "cdktf";
import type { Construct, IConstruct } from "constructs";

/**
 * Adds a provider to the stack unless the program already has one: CDKTF requires a construct for each provider, even
 * for one without settings. Terraform allows only one provider of a type without an alias, so the provider that is
 * added here is removed when the program adds its own later.
 *
 * @param type The provider's name in Terraform: `null`, `tls`, `local`.
 * @param make Creates the provider with the given scope and id.
 */
export function ensureProvider(
  scope: Construct,
  type: string,
  make: (scope: Construct, id: string) => TerraformProvider,
): void {
  const stack = TerraformStack.of(scope);
  const id = `etcd-${type}-provider`;
  // The provider that was added here is found by its id: searching the whole stack for each leaf certificate would make
  // synth quadratic.
  if (stack.node.tryFindChild(id)) return;
  const providers = stack.node.findAll().filter((node) => TerraformProvider.isTerraformProvider(node));
  if (providers.some((provider) => provider.terraformResourceType === type)) return;
  const added = make(stack, id);
  Aspects.of(stack).add({
    visit(node) {
      const replaces = (other: IConstruct) =>
        other !== added &&
        TerraformProvider.isTerraformProvider(other) &&
        other.terraformResourceType === type &&
        other.alias === undefined;
      if (node === stack && stack.node.findAll().some(replaces)) stack.node.tryRemoveChild(id);
    },
  });
}
