import { Fn } from "cdktf";
import type { Payload } from "./payload";

/** What a bootstrap and a rollout must find staged on their host, else another deploy was there since. */
export interface StagedData {
  readonly [name: string]: string;
}

/**
 * @param restartSha256 Digest of what of the startup script a running etcd goes by.
 * @param iniSha256 Digest of the supervisor program.
 */
export function stagedData(payload: Payload, restartSha256: string, iniSha256: string): StagedData {
  return {
    STARTUP_SHA256: restartSha256,
    PROGRAM_INI_SHA256: iniSha256,
    LEAF_SHA256: Fn.sha256(payload.certificatePem),
    CA_PEM_BASE64: Fn.base64encode(payload.caPem),
  };
}
