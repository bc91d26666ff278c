import type { TerraformResource } from "cdktf";

/** The address of a resource in its stack, as plans and expressions write it: `TYPE.NAME`. */
export function resourceAddress(resource: TerraformResource): string {
  return `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
}

/**
 * An expression for the id of a resource with a key for each member. The key is always an index: CDKTF itself would
 * write `.NAME`, which Terraform does not accept as a key.
 */
export function memberId(resource: TerraformResource, member: string): string {
  return `\${${resourceAddress(resource)}["${member}"].id}`;
}
