import type { TerraformResource } from "cdktf";

/** The resource's address in its stack, as plans and expressions have it: `TYPE.NAME`. */
export function resourceAddress(resource: TerraformResource): string {
  return `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
}
