import type { TerraformResource } from "cdktf";

/** The address of a resource in its stack, as plans and expressions write it: `TYPE.NAME`. */
export function resourceAddress(resource: TerraformResource): string {
  return `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
}
