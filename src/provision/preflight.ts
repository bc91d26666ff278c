import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, type ITerraformDependable, type TerraformCondition } from "cdktf";
import type { Construct } from "constructs";
import type { CheckedData } from "./host-scripts";
import type { MemberHost } from "./member-host";
import type { Payload } from "./payload";

export interface PreflightRequirements {
  /** What the program wants to have before any host is looked at. */
  readonly after: readonly ITerraformDependable[];
  /** What must hold of the values that are known only at apply. */
  readonly conditions: readonly TerraformCondition[];
}

export interface PreflightProps {
  readonly host: MemberHost;
  readonly payload: Payload;
  /** etcd's `--initial-cluster` of the program's members. */
  readonly initialCluster: string;
  /** How often each member was re-provisioned: `NAME=N,…`, without those that never were. */
  readonly reprovisions: string;
  /** The id of each member's machine: `NAME=ID,…`; undefined if the program has none. */
  readonly machines?: string;
  readonly requirements: PreflightRequirements;
}

/**
 * Checks the host. It changes nothing but the package's own leftovers and the connections to dead members. Everything
 * else waits for the preflights of all members.
 */
export class Preflight extends Resource {
  public constructor(
    scope: Construct,
    id: string,
    { host, payload, initialCluster, reprovisions, machines, requirements }: PreflightProps,
  ) {
    const { after, conditions } = requirements;
    super(scope, id, {
      // The list of members is a trigger on every host: a host of a running cluster checks whether members may be added
      // or removed now, and closes its connections to dead members.
      triggers: {
        ...payload.triggers,
        members: initialCluster,
        reprovisions,
        ...(machines !== undefined && { machines }),
      },
      provisioners: [host.run("preflight", checkedData(host, payload))],
      ...(after.length > 0 && { dependsOn: [...after] }),
      ...(conditions.length > 0 && { lifecycle: { precondition: [...conditions] } }),
    });
  }
}

/** The data that the checks compare the host with. */
export function checkedData(host: MemberHost, payload: Payload): CheckedData {
  const { caPem, authorityPem, certificatePem } = payload;
  return {
    OPERATOR_TIME: Fn.timestamp(),
    CA_PEM_BASE64: Fn.base64encode(caPem),
    AUTHORITY_PEM_BASE64: Fn.base64encode(authorityPem),
    LEAF_PEM_BASE64: Fn.base64encode(certificatePem),
    CHECKED_SHA256: Fn.sha256(Fn.join("\n", [host.facts, caPem, authorityPem, certificatePem])),
  };
}
