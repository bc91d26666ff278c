/** A resource that does its work on a host, for the layers above, which do not use the null provider themselves. */
export type { Resource as HostResource } from "@cdktf/provider-null/lib/resource";
