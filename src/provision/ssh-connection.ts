import type { SSHProvisionerConnection } from "cdktf";
import { type SshSettings, defaultScriptPath } from "../settings";
import { escapeTerraform } from "../render/terraform-escape";
import { callOnPath } from "./operator-path";

/** The connection of a provisioner that runs at create time. */
export function sshConnection(ssh: SshSettings): SSHProvisionerConnection {
  return {
    type: "ssh",
    host: escapeTerraform(ssh.host),
    port: ssh.port,
    user: escapeTerraform(ssh.user),
    privateKey: ssh.privateKey ?? readAtApply(ssh.privateKeyFile),
    agent: ssh.agent as unknown as string, // Terraform wants a boolean; the binding's type says string
    hostKey: literal(ssh.hostKey),
    timeout: escapeTerraform(ssh.timeout),
    scriptPath: literal(ssh.scriptPath),
    bastionHost: literal(ssh.bastionHost),
    bastionPort: ssh.bastionPort,
    bastionUser: literal(ssh.bastionUser),
    bastionPrivateKey: ssh.bastionPrivateKey ?? readAtApply(ssh.bastionPrivateKeyFile),
  };
}

/** Terraform reads the file when it connects. If it were read at synth, the key would end up in the JSON. */
function readAtApply(file?: string): string | undefined {
  return file === undefined ? undefined : callOnPath(["file", "pathexpand"], file);
}

function literal(text?: string): string | undefined {
  return text === undefined ? undefined : escapeTerraform(text);
}

/**
 * The connection settings for a destroy-time provisioner, which must find them in its own resource. All are strings,
 * empty where there is no value. A private key that is given as text is left out, because it would be in the plan.
 */
export function storedConnection(ssh: SshSettings): { [key: string]: string } {
  return {
    ssh_host: ssh.host,
    port: String(ssh.port),
    user: ssh.user,
    private_key_file: ssh.privateKeyFile ?? "",
    agent: String(ssh.privateKeyFile === undefined || ssh.agent),
    host_key: ssh.hostKey ?? "",
    timeout: ssh.timeout,
    script_path: ssh.scriptPath,
    bastion_host: ssh.bastionHost ?? "",
    bastion_port: String(ssh.bastionPort ?? ""),
    bastion_user: ssh.bastionUser ?? "",
    bastion_private_key_file: ssh.bastionPrivateKeyFile ?? "",
  };
}

/** The connection of a destroy-time provisioner, from the values that `storedConnection` put into `self.input`. */
export function connectionFromSelf(): SSHProvisionerConnection {
  const optional = (key: string) => `\${self.input.${key} == "" ? null : self.input.${key}}`;
  const file = (key: string) => `\${self.input.${key} == "" ? null : file(pathexpand(self.input.${key}))}`;
  return {
    type: "ssh",
    host: "${self.input.ssh_host}",
    port: "${self.input.port}" as unknown as number,
    user: "${self.input.user}",
    privateKey: file("private_key_file"),
    agent: "${self.input.agent}",
    hostKey: optional("host_key"),
    timeout: "${self.input.timeout}",
    // A state from before this value was always set has none.
    scriptPath: `\${self.input.script_path != "" ? self.input.script_path : self.input.user == "root" ? "${defaultScriptPath("root")}" : "${defaultScriptPath("")}"}`,
    bastionHost: optional("bastion_host"),
    bastionPort: optional("bastion_port") as unknown as number,
    bastionUser: optional("bastion_user"),
    bastionPrivateKey: file("bastion_private_key_file"),
  };
}
