import type { Side } from "../render/side-program";
import type { RenderedFile } from "./rendered-file";
import type { SideProgram } from "./side-program";

/** What is installed on a host, and what preflight compares it with. */
export interface Payload {
  /** The certificates of all CAs that the member trusts, in PEM. */
  readonly caPem: string;
  /** The certificate of the CA that signed the member's certificate, in PEM. */
  readonly authorityPem: string;
  /** The member's certificate, in PEM. */
  readonly certificatePem: string;
  /** The member's private key, in PEM. It is sensitive. */
  readonly privateKeyPem: string;
  /** The URL of the release archive, if it contains a user and a password. */
  readonly secretArchiveUrl?: string;
  readonly startupScript: RenderedFile;
  readonly supervisorIni: RenderedFile;
  readonly etcdctlEnv: RenderedFile;
  /** The programs that run beside etcd, those that the cluster has. */
  readonly sidePrograms: { readonly [side in Side]?: SideProgram };
  /** The triggers of `preflight` and `stage`, with names that the reader of a plan understands. */
  readonly triggers: { [name: string]: string };
}

/** Some of the payload's triggers, selected by name. */
export function pickTriggers(payload: Payload, names: string[]): { [name: string]: string } {
  return Object.fromEntries(names.map((name) => [name, payload.triggers[name]]));
}
