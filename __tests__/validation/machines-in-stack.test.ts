import { File } from "@cdktf/provider-local/lib/file";
import { SensitiveFile } from "@cdktf/provider-local/lib/sensitive-file";
import { DataNullDataSource } from "@cdktf/provider-null/lib/data-null-data-source";
import { Resource } from "@cdktf/provider-null/lib/resource";
import { Fn, type ITerraformDependable, TerraformHclModule, TerraformStack, TerraformVariable, Testing } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { type EtcdClusterProps, type EtcdMemberProps, SshKey } from "../../src/settings";
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

describe("a file of the same stack that its replacement would delete", () => {
  const keyFile = (stack: TerraformStack) => new SensitiveFile(stack, "file", { filename: "/keys/id", content: "key" });
  const key = (stack: TerraformStack) => SshKey.file(keyFile(stack).filename);
  const warning = (prop: string, file = "local_sensitive_file.file") =>
    `${prop} refers to ${file} of this stack: if Terraform replaces it, it deletes the new file together with the old one, which has the same path, and a destroy no longer finds it; make the file in another stack, or set machinesInStack to true if the machines are in this one (docs/provisioned-hosts.md)`;

  test.each<[string, string, Parameters<typeof warnings>[0]]>([
    ["a key", "members[1].ssh.key", (stack) => ({ ssh: { key: key(stack) } })],
    [
      "a key of a bastion",
      "members[1].ssh.bastionKey",
      (stack) => ({ ssh: { bastionHost: "10.4.7.1", bastionKey: key(stack) } }),
    ],
  ])("%s of a member is a warning, also if the machines keep no lifecycle of their own", (_, prop, member) => {
    expect(warnings(member)).toEqual([warning(prop)]);
    expect(warnings(member, { machinesInStack: false })).toEqual([warning(prop)]);
  });

  test("so is a file among what the cluster depends on", () => {
    const dependsOn: ITerraformDependable[] = [];
    const cluster = (stack: TerraformStack) => {
      dependsOn.push(new File(stack, "known-hosts", { filename: "/keys/known_hosts", content: "" }));
      return {};
    };
    expect(warnings(cluster, { dependsOn })).toEqual([warning("dependsOn[0]", "local_file.known-hosts")]);
  });

  test("there is no warning where the machines keep their lifecycle, or if another stack makes the file", () => {
    const machines = RUNBOOK.members.map(({ name }) => ({ machine: name }));
    const members = RUNBOOK.members.map((member, i) => ({ ...member, ...machines[i] }));
    expect(warnings((_, other) => ({ ssh: { key: key(other) } }))).toEqual([]);
    expect(
      warnings(
        (stack) => {
          members[1] = { ...members[1], ssh: { key: key(stack) } };
          return {};
        },
        { members, machinesInStack: true },
      ),
    ).toEqual([]);
  });
});
