import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn } from "cdktf";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";
import type { Payload } from "./payload";

/**
 * Checks the host, and changes nothing on it. Everything else waits for the preflights of all members.
 *
 * @param members etcd's `--initial-cluster`.
 * @param reprovisions How often each member was re-provisioned: `NAME=N,…`, without those that never were.
 */
export function preflight(
  scope: Construct,
  host: MemberHost,
  payload: Payload,
  members: string,
  reprovisions: string,
): Resource {
  return new Resource(scope, "preflight", {
    // The list of members is a trigger on every host: a host of a running cluster checks whether members may be added
    // or removed now, and closes its connections to dead members.
    triggers: { ...payload.triggers, members, reprovisions },
    provisioners: [host.run("preflight", preflightData(payload))],
  });
}

/** The data with which the checks compare the host. */
export function preflightData(payload: Payload): { [key: string]: string } {
  return {
    OPERATOR_TIME: Fn.timestamp(),
    CA_PEM_BASE64: Fn.base64encode(payload.caPem),
    AUTHORITY_PEM_BASE64: Fn.base64encode(payload.authorityPem),
    LEAF_PEM_BASE64: Fn.base64encode(payload.certificatePem),
  };
}
