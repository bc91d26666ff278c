import { posix } from "node:path";
import { type FileProvisioner, Fn, type RemoteExecProvisioner, type SSHProvisionerConnection, Token } from "cdktf";
import type { MemberSettings } from "../settings";
import { type Phase, PHASES } from "./host-scripts";
import { sshConnection } from "./ssh-connection";

/** A member's host, as provisioners see it. */
export class MemberHost {
  public readonly connection: SSHProvisionerConnection;

  /**
   * @param member Whose host it is.
   * @param facts Environment text for the host scripts, or a reference to it.
   * @param scripts The host scripts, or a reference to them.
   */
  public constructor(
    private readonly member: MemberSettings,
    private readonly facts: string,
    private readonly scripts: string,
  ) {
    this.connection = sshConnection(member.ssh);
  }

  /**
   * Runs a phase on the host: facts, then the scripts as they are, then the one call, in one upload over one connection.
   *
   * @param phase The phase.
   * @param data Further facts, that exist only at apply. The values go into single quotes as they are: base64 where they may hold any text.
   */
  public run(phase: Phase, data: { [key: string]: string } = {}): RemoteExecProvisioner {
    return {
      type: "remote-exec",
      connection: this.connection,
      inline: programLines(this.facts, data, this.scripts, phase),
    };
  }

  /**
   * Puts a secret or an archive into the member's inbox, which phase `open_inbox` makes beside the script: a directory of the SSH user's own, mode 0700.
   *
   * @param file Name of the file in the inbox.
   * @param source What it is: `content`, or `source`, a path on the operator's machine.
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

/** The text that a host runs, in the pieces that `inline` joins by newlines. */
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
