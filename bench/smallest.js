/*
 * A program with one resource of each provider that a cluster needs: what Terraform and the CDKTF CLI take by
 * themselves, whatever the stack.
 */
const { join } = require("node:path");
const { App, TerraformStack } = require("cdktf");
const { File } = require("@cdktf/provider-local/lib/file");
const { LocalProvider } = require("@cdktf/provider-local/lib/provider");
const { NullProvider } = require("@cdktf/provider-null/lib/provider");
const { Resource } = require("@cdktf/provider-null/lib/resource");
const { PrivateKey } = require("@cdktf/provider-tls/lib/private-key");
const { TlsProvider } = require("@cdktf/provider-tls/lib/provider");

const app = new App();
const stack = new TerraformStack(app, "smallest");
new LocalProvider(stack, "local");
new NullProvider(stack, "null");
new TlsProvider(stack, "tls");
new File(stack, "file", { filename: join(process.cwd(), "file.txt"), content: "a file" });
new Resource(stack, "resource");
new PrivateKey(stack, "key", { algorithm: "ECDSA", ecdsaCurve: "P256" });
app.synth();
