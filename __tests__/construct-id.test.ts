import { TerraformStack, Testing } from "cdktf";
import { Construct } from "constructs";
import { EtcdCluster } from "../src";
import { RUNBOOK } from "./support/settings";

const cluster = (stack: string, scope: string, id: string) => () =>
  new EtcdCluster(new Construct(new TerraformStack(Testing.app(), stack), scope), id, RUNBOOK);

// A removal has the path of the cluster, from the state, between single quotes.
test.each([
  ["the cluster", cluster("prod", "a", "o'hara"), "o'hara"],
  ["a construct around it", cluster("prod", "o'hara", "etcd"), "o'hara"],
  ["its stack", cluster("o'hara", "a", "etcd"), "o'hara"],
  ["its stack, with a dollar", cluster("$prod", "a", "etcd"), "$prod"],
])("the id of %s must not end a quote in a script", (_, make, id) => {
  expect(make).toThrow(`id: "${id}" contains a character that has a special meaning in Terraform or in a shell`);
});

test("the id of a stack may have any other characters", () => {
  expect(cluster("1.prod,eu@west", "a", "etcd")).not.toThrow();
});

// Terraform would notice it only after it has checked the hosts.
test.each([
  ["longer than a file name", "e".repeat(256)],
  ["longer than a file name in bytes", "é".repeat(128)],
  ["another directory", ".."],
])("an id that is %s is refused, because the rendered files are in a directory of that name", (_, id) => {
  const problem = `id: "${id}" cannot be the name of a directory, for the rendered files; use 255 bytes at most, and neither "." nor ".."`;
  expect(cluster("prod", "a", id)).toThrow(problem);
  for (const allowed of ["e".repeat(255), "etcd...1"]) expect(cluster("prod", "a", allowed)).not.toThrow();
});
