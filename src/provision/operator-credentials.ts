import { File } from "@cdktf/provider-local/lib/file";
import { Fn, type ITerraformDependable, TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { renderEtcdctlEnv } from "../render/etcdctl-env";
import { escapeTerraform } from "../render/terraform-escape";
import type { ClusterSettings } from "../settings";
import { ofPath, operatorPath } from "./operator-path";
import { SharedScripts } from "./shared-scripts";
import { textDigest } from "./text-digest";

/** Names of the files on the operator's machine, as `scripts/operator` writes them. */
const CLIENT_FILES = { ca: "ca.pem", cert: "client.pem", key: "client-key.pem" };

/** Says for which credentials the files are. */
const RECORD = ".cdktf-etcd";

/** What the operator's machine gets. PEM texts. */
export interface OperatorCredentialsContent {
  readonly directory: string;
  readonly cluster: ClusterSettings;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/**
 * Client credentials and an `etcdctl` environment on the operator's machine, mode 0600, directory 0700.
 *
 * Written by `local-exec`, not as files of the local provider: those are deleted before a change begins, and a change that is refused after that
 * leaves none. For the same reason nothing here deletes them.
 */
export class OperatorCredentials extends Construct {
  /** @param after What must be done before they are the right ones. */
  public constructor(scope: Construct, id: string, content: OperatorCredentialsContent, after: ITerraformDependable[]) {
    super(scope, id);
    const path = operatorPath(this, content.directory);
    // Neither the local provider nor a program in the environment knows "~".
    const home = path.startsWith("~");
    const directory = home ? ofPath(["pathexpand"], path) : escapeTerraform(path);
    // Absolute, so that it can be sourced from anywhere.
    const env = renderEtcdctlEnv(
      content.cluster,
      ofPath(home ? ["abspath", "pathexpand"] : ["abspath"], path),
      CLIENT_FILES,
    );
    const digests = {
      ca_sha256: Fn.sha256(content.caPem),
      certificate_sha256: Fn.sha256(content.certificatePem),
      etcdctl_env_sha256: textDigest(this, "env-text", env),
    };
    // Missing, or of other credentials, in a checkout that has not written these: then they are written there, too.
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

/** The program that writes, and who runs it where the program is synthesized. */
function writer(scope: Construct): { interpreter: string[]; command: string } {
  const scripts = SharedScripts.of(scope);
  return process.platform === "win32"
    ? { interpreter: ["node", "-e"], command: scripts.file("operator/write-credentials.js") }
    : { interpreter: ["/bin/sh", "-c"], command: scripts.file("operator/write-credentials.sh") };
}
