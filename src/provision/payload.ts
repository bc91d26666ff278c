import type { File } from "@cdktf/provider-local/lib/file";

/** What `stage` installs on a host. */
export interface Payload {
  /** The certificates of all CAs that the member trusts, in PEM. */
  readonly caPem: string;
  /** The certificate of the CA that signed the member's, in PEM. */
  readonly authorityPem: string;
  /** The member's certificate, in PEM. */
  readonly certificatePem: string;
  /** The member's private key, in PEM: sensitive. */
  readonly privateKeyPem: string;
  /** The URL of the release archive, where it holds a user and a password. */
  readonly secretArchiveUrl?: string;
  readonly startupScript: File;
  readonly supervisorIni: File;
  readonly etcdctlEnv: File;
  /** What `preflight` and `stage` run again for, by names that a plan's reader understands. */
  readonly triggers: { [name: string]: string };
}

/** Some of the payload's triggers, by name. */
export function pickTriggers(payload: Payload, names: string[]): { [name: string]: string } {
  return Object.fromEntries(names.map((name) => [name, payload.triggers[name]]));
}
