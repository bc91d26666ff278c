import { SensitiveFile } from "@cdktf/provider-local/lib/sensitive-file";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { renderEtcdctlEnv } from "../render/etcdctl-env";
import { escapeTerraform } from "../render/terraform-escape";
import type { ClusterSettings } from "../settings";
import { operatorPath } from "./operator-path";

/** Names of the files on the operator's machine. */
const CLIENT_FILES = { ca: "ca.pem", cert: "client.pem", key: "client-key.pem" };

/** What the operator's machine gets. PEM texts. */
export interface OperatorCredentialsContent {
  readonly directory: string;
  readonly cluster: ClusterSettings;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Client credentials and an `etcdctl` environment on the operator's machine, mode 0600, directory 0700. */
export class OperatorCredentials extends Construct {
  public constructor(scope: Construct, id: string, content: OperatorCredentialsContent) {
    super(scope, id);
    const directory = operatorPath(this, content.directory);
    const write = (name: string, file: string, text: string) =>
      new SensitiveFile(this, name, {
        filename: `${directory}/${file}`,
        content: text,
        filePermission: "0600",
        directoryPermission: "0700",
      });

    write("ca", CLIENT_FILES.ca, content.caPem);
    write("cert", CLIENT_FILES.cert, content.certificatePem);
    write("key", CLIENT_FILES.key, content.privateKeyPem);
    // Absolute, so that it can be sourced from anywhere.
    const env = renderEtcdctlEnv(content.cluster, Fn.abspath(directory), CLIENT_FILES);
    write("env", "etcdctl.env", escapeTerraform(env));
  }
}
