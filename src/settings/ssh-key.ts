import { requiredText } from "./required";

/** The private key that a login over SSH uses: in a file, as text, or in the SSH agent. */
export class SshKey {
  /**
   * A private key in a file on the operator's machine. Terraform reads it when it connects, never at synth.
   *
   * @param path Path of the key (PEM or OpenSSH format, without a passphrase). `~` is expanded; a relative path is
   *   relative to the directory in which the program runs.
   */
  public static file(path: string): SshKey {
    return new SshKey(requiredText("SshKey.file(path)", path));
  }

  /**
   * The private key itself. It is never stored in a trigger. When Terraform stops a removed member, the configuration
   * no longer has the key, so that step uses the SSH agent.
   *
   * @param text The key (PEM or OpenSSH format, without a passphrase), from a sensitive `TerraformVariable`; a literal
   *   is refused.
   */
  public static pem(text: string): SshKey {
    return new SshKey(undefined, requiredText("SshKey.pem(text)", text));
  }

  /** The keys in the operator's SSH agent. Terraform forwards the agent to the host. */
  public static agent(): SshKey {
    return new SshKey();
  }

  private constructor(
    /** @internal */
    public readonly _file?: string,
    /** @internal */
    public readonly _pem?: string,
  ) {}

  /** @internal */
  public get _isAgent(): boolean {
    return this._file === undefined && this._pem === undefined;
  }
}
