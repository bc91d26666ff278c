import { App, TerraformStack } from "cdktf";
import { EtcdCluster } from "../src";
import { RUNBOOK } from "./support/settings";
import { temporaryDirectory } from "./support/temporary-directory";

const outdir = temporaryDirectory();
afterEach(() => delete process.env.SYNTH_HCL_OUTPUT);

// What `cdktf synth --hcl` sets.
test("a program that is to be written as HCL is refused, because Terraform could not read what CDKTF writes", () => {
  process.env.SYNTH_HCL_OUTPUT = "true";
  const stack = new TerraformStack(new App({ outdir }), "etcd");
  expect(() => new EtcdCluster(stack, "etcd", RUNBOOK)).toThrow(
    "etcd/etcd: cannot be written as HCL, because Terraform cannot read what becomes of texts of several lines there; leave out --hcl (hclOutput, SYNTH_HCL_OUTPUT): Terraform reads JSON as well",
  );
});

test("a program that is written as JSON is accepted, also if the environment says so", () => {
  process.env.SYNTH_HCL_OUTPUT = "false";
  const stack = new TerraformStack(new App({ outdir }), "etcd");
  expect(() => new EtcdCluster(stack, "etcd", RUNBOOK)).not.toThrow();
});
