import { Resource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import type { MemberHost } from "./member-host";

/** One key for each thing that can force a restart; the two digests are also what the host must find staged. */
export interface RestartTriggers {
  readonly startup_script_sha256: string;
  readonly supervisor_ini_sha256: string;
  readonly [name: string]: string;
}

/**
 * Brings the running member to what is staged, and gates on its health.
 *
 * @param triggers One key for each thing that can force a restart, so that the plan says who restarts and why.
 * @param membership The record of the list of members, by whose id a host knows whether this deploy changes it.
 * @param after All bootstraps, or the rollout of the member before: one member at a time, and a failed one stops the rest.
 */
export function rollout(
  scope: Construct,
  host: MemberHost,
  triggers: RestartTriggers,
  membership: Resource,
  after: Resource[],
): Resource {
  return new Resource(scope, "rollout", {
    triggers,
    provisioners: [
      // Long enough for a learner to copy a large database.
      host.run("rollout", 1800, {
        STARTUP_SHA256: triggers.startup_script_sha256,
        PROGRAM_INI_SHA256: triggers.supervisor_ini_sha256,
        MEMBERSHIP: membership.id,
      }),
    ],
    dependsOn: after,
  });
}
