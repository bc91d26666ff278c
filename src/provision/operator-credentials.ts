import { File } from "@cdktf/provider-local/lib/file";
import { Fn, type ITerraformDependable, TerraformResource, Token } from "cdktf";
import { Construct } from "constructs";
import { renderEtcdctlEnv } from "../render/etcdctl-env";
import { escapeTerraform } from "../render/terraform-escape";
import type { ClusterSettings } from "../settings";
import { callOnPath, operatorPath } from "./operator-path";
import { SharedScripts } from "./shared-scripts";
import { textDigest } from "./text-digest";

/** The names of the files on the operator's machine, as `scripts/operator` writes them. */
const CLIENT_FILES = { ca: "ca.pem", cert: "client.pem", key: "client-key.pem" };

/** The file that records which credentials were written. */
const RECORD = ".cdktf-etcd";

/** What is written to the operator's machine. The certificates and the key are PEM texts. */
export interface OperatorCredentialsContent {
  readonly directory: string;
  readonly cluster: ClusterSettings;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/**
 * Client credentials and an `etcdctl` environment file on the operator's machine, with mode 0600, in a directory with
 * mode 0700.
 *
 * They are written by `local-exec`, not as files of the local provider: the provider deletes its files before a change
 * begins, so a change that is then refused would leave no credentials. For the same reason, nothing here deletes them.
 */
export class OperatorCredentials extends Construct {
  /** @param after What must be complete before these credentials are the right ones. */
  public constructor(scope: Construct, id: string, content: OperatorCredentialsContent, after: ITerraformDependable[]) {
    super(scope, id);
    const path = operatorPath(this, content.directory);
    // Neither the local provider nor a program that gets the path in its environment expands "~".
    const home = path.startsWith("~") || Token.isUnresolved(path);
    const directory = home ? callOnPath(["pathexpand"], path) : escapeTerraform(path);
    // The paths in the file are absolute, so that it can be sourced from any directory.
    const env = renderEtcdctlEnv(
      content.cluster,
      callOnPath(home ? ["abspath", "pathexpand"] : ["abspath"], path),
      CLIENT_FILES,
    );
    const digests = {
      ca_sha256: Fn.sha256(content.caPem),
      certificate_sha256: Fn.sha256(content.certificatePem),
      etcdctl_env_sha256: textDigest(this, "env-text", env),
    };
    // In a checkout that has not written these credentials, the record is missing or belongs to others. They are then
    // written there, too.
    const record = new File(this, "record", {
      filename: `${directory}/${RECORD}`,
      content: Object.values(digests)
        .map((digest) => `${digest}\n`)
        .join(""),
      filePermission: "0600",
      directoryPermission: "0700",
      dependsOn: after,
    });
    const files = new TerraformResource(this, "files", {
      terraformResourceType: "terraform_data",
      provisioners: [
        {
          type: "local-exec",
          ...writer(this),
          environment: {
            CREDENTIALS_DIRECTORY: directory,
            CA_PEM: content.caPem,
            CLIENT_PEM: content.certificatePem,
            CLIENT_KEY_PEM: content.privateKeyPem,
            ETCDCTL_ENV: escapeTerraform(env),
          },
        },
      ],
      dependsOn: after,
    });
    files.addOverride("triggers_replace", { directory, ...digests, record: record.id });
  }
}

/** The script that writes the files, and its interpreter on the system on which the program is synthesized. */
function writer(scope: Construct): { interpreter: string[]; command: string } {
  const scripts = SharedScripts.of(scope);
  return process.platform === "win32"
    ? { interpreter: ["node", "-e"], command: scripts.file("operator/write-credentials.js") }
    : { interpreter: ["/bin/sh", "-c"], command: scripts.file("operator/write-credentials.sh") };
}
