import { posix } from "node:path";
import { type FileProvisioner, Fn, type RemoteExecProvisioner, type SSHProvisionerConnection, Token } from "cdktf";
import type { MemberSettings } from "../settings";
import { type Phase, type PhaseData, PHASES } from "./host-scripts";
import { sshConnection } from "./ssh-connection";

/** A member's host, as provisioners see it. */
export class MemberHost {
  public readonly connection: SSHProvisionerConnection;

  /**
   * @param member The member that runs on the host.
   * @param facts The facts for the host scripts, as lines of `KEY='value'`, or a reference to them.
   * @param scripts The host scripts, or a reference to them.
   */
  public constructor(
    private readonly member: MemberSettings,
    public readonly facts: string,
    private readonly scripts: string,
  ) {
    this.connection = sshConnection(member.ssh);
  }

  /**
   * Runs a phase on the host: the facts, the scripts as they are, and one call of `main`, in one upload over one
   * connection.
   *
   * @param phase The phase.
   * @param data Its facts that exist only at apply. Their values are put between single quotes as they are, so a
   *   value that may contain any text must be base64.
   */
  public run<P extends Phase>(phase: P, data: PhaseData<P>): RemoteExecProvisioner {
    return {
      type: "remote-exec",
      connection: this.connection,
      inline: programLines(this.facts, data, this.scripts, phase),
    };
  }

  /**
   * Uploads a secret or an archive to the member's inbox, which phase `open_inbox` creates beside the script: a
   * directory that belongs to the SSH user and has mode 0700.
   *
   * @param file Name of the file in the inbox.
   * @param source What to upload: `content`, or `source`, a path on the operator's machine.
   */
  public upload(file: string, source: { content?: string; source?: string }): FileProvisioner {
    return {
      type: "file",
      connection: this.connection,
      destination: `${directoryOf(this.member.ssh.scriptPath)}/.cdktf-etcd/${this.member.name}/${file}`,
      ...source,
    };
  }
}

function directoryOf(path: string): string {
  return Token.isUnresolved(path) ? Fn.dirname(path) : posix.dirname(path);
}

/** The text that a host runs, as the pieces that `inline` joins with newlines. */
export function programLines(
  facts: string,
  data: { [key: string]: string },
  scripts: string,
  phase: Phase,
  seconds: number = PHASES[phase].seconds,
): string[] {
  return [
    "set -eu",
    facts,
    ...Object.entries(data).map(([key, value]) => `${key}='${value}'`),
    scripts,
    `main ${phase} ${seconds} "$@"`,
  ];
}
