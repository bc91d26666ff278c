/**
 * A resource whose provisioners run on a host, for the layers above, which must not import the null provider
 * themselves.
 */
export type { Resource as HostResource } from "@cdktf/provider-null/lib/resource";
