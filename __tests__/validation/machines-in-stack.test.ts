import { DataNullDataSource } from "@cdktf/provider-null/lib/data-null-data-source";
import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, TerraformHclModule, TerraformStack, TerraformVariable, Testing } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import type { EtcdClusterProps, EtcdMemberProps } from "../../src/settings";
import { RUNBOOK } from "../support/settings";

/** The warnings of a cluster whose second member has these props. */
function warnings(
  member: (stack: TerraformStack, other: TerraformStack) => Partial<EtcdMemberProps>,
  props: Partial<EtcdClusterProps> = {},
): string[] {
  const app = Testing.app();
  const other = new TerraformStack(app, "machines");
  const stack = new TerraformStack(app, "etcd");
  const [first, second, third] = RUNBOOK.members;
  const members = [first, { ...second, ...member(stack, other) }, third];
  const cluster = new EtcdCluster(stack, "etcd", { ...RUNBOOK, members, ...props });
  Testing.synth(stack, true);
  return cluster.node.metadata.filter(({ type }) => type.includes("warn")).map(({ data }) => String(data));
}

const machine = (stack: TerraformStack) => new Resource(stack, "machine");

test.each<[string, string, Parameters<typeof warnings>[0]]>([
  ["an address", "address", (stack) => ({ address: machine(stack).id })],
  [
    "an address in a call",
    "address",
    (stack) => ({ address: Fn.element(Fn.split(",", machine(stack).id), 0) as string }),
  ],
  ["an SSH host", "ssh.host", (stack) => ({ ssh: { host: machine(stack).id } })],
  ["a machine", "machine", (stack) => ({ machine: machine(stack).id })],
])("%s that is an attribute of a resource in the same stack is a warning", (_, prop, member) => {
  expect(warnings(member)).toEqual([
    `members[1].${prop} refers to null_resource.machine of this stack: Terraform will create its replacements before it destroys the old ones, and those of all that it refers to; set machinesInStack to true so that machines keep their own lifecycle, or to false if that is right; deploy that change alone, without a machine that is replaced (docs/provisioned-hosts.md)`,
  ]);
});

test("so is an output of a module in the same stack", () => {
  const module = (stack: TerraformStack) =>
    new TerraformHclModule(stack, "machines", { source: "example/machines/any" });
  const [warning] = warnings((stack) => ({ address: module(stack).getString("address") }));
  expect(warning).toMatch(/^members\[1\]\.address refers to module\.machines of this stack:/);
});

test.each<[string, Parameters<typeof warnings>[0], Partial<EtcdClusterProps>]>([
  ["the program says that it may be so", (stack) => ({ address: machine(stack).id }), { machinesInStack: false }],
  ["the machine is in another stack", (_, other) => ({ address: machine(other).id }), {}],
  ["the address is a variable", (stack) => ({ address: new TerraformVariable(stack, "address", {}).stringValue }), {}],
  ["the address is from a data source", (stack) => ({ address: new DataNullDataSource(stack, "found", {}).id }), {}],
])("there is no warning if %s", (_, member, props) => {
  expect(warnings(member, props)).toEqual([]);
});
