import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, TerraformResource, TerraformStack } from "cdktf";
import { EtcdCluster } from "../src";
import { RUNBOOK } from "./support/settings";
import { find, readable, type StackJson } from "./support/synth";
import { temporaryDirectory } from "./support/temporary-directory";

const directory = temporaryDirectory();

/** A program with its machines in one stack, and the cluster in another. */
function synthesized(apart = true): { readonly warnings: string; readonly json: StackJson } {
  const app = new App({ outdir: directory });
  const stack = new TerraformStack(app, "etcd");
  const machines = apart ? new TerraformStack(app, "machines") : stack;
  const cluster = new EtcdCluster(stack, "etcd", {
    ...RUNBOOK,
    members: ["a", "b", "c"].map((name) => {
      const machine = new TerraformResource(machines, name, { terraformResourceType: "terraform_data" });
      return { name, address: machine.getStringAttribute("output"), machine: machine.getStringAttribute("id") };
    }),
  });
  app.synth();
  return {
    warnings: cluster.node.metadata.map(({ data }) => data).join(),
    json: readable(readFileSync(join(directory, "stacks", "etcd", "cdk.tf.json"), "utf8")),
  };
}

describe("a cluster on the machines of another stack", () => {
  const { warnings, json } = synthesized();
  const of = (name: string, attribute: string) =>
    `data.terraform_remote_state.cross-stack-reference-input-machines.outputs.cross-stack-output-terraform_data${name}${attribute}`;

  test("gets their addresses and ids from that stack's state, in every place", () => {
    const a = of("a", "output");
    const preflight = find(json, "null_resource.etcd_member_a_preflight");
    expect(preflight.triggers).toMatchObject({
      address: `\${${a}}`,
      machine: `\${${of("a", "id")}}`,
      machines: ["a", "b", "c"].map((name) => `${name}=\${${of(name, "id")}}`).join(),
    });
    expect(preflight.provisioner?.[0]["remote-exec"]?.connection).toMatchObject({ host: `\${${a}}` });
    expect(find(json, "tls_cert_request.etcd_peer_a_request").ip_addresses).toBe(`\${sort(distinct(compact([${a}])))}`);
    expect(find(json, "null_resource.etcd_genesis_founders").triggers?.founders).toBe(
      ["a", "b", "c"].map((name) => `${name}=https://\${${of(name, "output")}}:2380`).join(),
    );
    expect(JSON.stringify(json)).not.toMatch(/TfToken/);
  });

  test("changes nothing in their lifecycle, and needs no warning", () => {
    expect(warnings).not.toMatch(/machinesInStack/);
    expect(synthesized(false).warnings).toMatch(/refers to terraform_data\.a of this stack/);
  });
});
