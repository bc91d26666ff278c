import { Fn } from "cdktf";
import type { StagedData } from "./host-scripts";
import type { Payload } from "./payload";

/**
 * What bootstrap and rollout must find staged on their host. If they do not find it, another deploy has run there
 * since.
 *
 * @param restartSha256 Digest of the part of the startup script that a running etcd depends on.
 * @param iniSha256 Digest of the ini file of the supervisor program.
 */
export function stagedData(payload: Payload, restartSha256: string, iniSha256: string): StagedData {
  return {
    STARTUP_SHA256: restartSha256,
    PROGRAM_INI_SHA256: iniSha256,
    LEAF_SHA256: Fn.sha256(payload.certificatePem),
    CA_PEM_BASE64: Fn.base64encode(payload.caPem),
  };
}
