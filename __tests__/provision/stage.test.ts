import { TerraformVariable } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { EtcdRelease } from "../../src/release/etcd-release";
import { find, synth } from "../support/synth";

test("a mirror's password reaches a host only in an upload, which appears in no log", () => {
  const json = synth((stack) => {
    const password = new TerraformVariable(stack, "mirror_password", { type: "string", sensitive: true });
    new EtcdCluster(stack, "etcd", {
      members: [{ name: "a", address: "10.4.7.1" }],
      ssh: {},
      release: EtcdRelease.mirror(`https://user:${password.stringValue}@mirror.example/etcd`),
    });
  });
  const [, , upload] = find(json, "null_resource.etcd_member_a_stage").provisioner ?? [];
  expect(upload.file).toMatchObject({
    destination: "/root/.cdktf-etcd/a/archive-url",
    content:
      '${sensitive("https://user:${var.mirror_password}@mirror.example/etcd/v3.6.14/etcd-v3.6.14-linux-{arch}.tar.gz")}',
  });
  expect(JSON.stringify(json).match(/var\.mirror_password/g)).toHaveLength(1);
  expect(JSON.stringify(json)).toContain("ARCHIVE_URL='https://mirror.example/etcd/v3.6.14/");
});

test("a mirror URL that only Terraform knows is treated as if it contained a password", () => {
  const json = synth((stack) => {
    const mirror = new TerraformVariable(stack, "mirror", { type: "string", sensitive: true });
    new EtcdCluster(stack, "etcd", {
      members: [{ name: "a", address: "10.4.7.1" }],
      ssh: {},
      release: EtcdRelease.mirror(mirror.stringValue),
    });
  });
  const [, , upload] = find(json, "null_resource.etcd_member_a_stage").provisioner ?? [];
  expect(upload.file).toMatchObject({
    destination: "/root/.cdktf-etcd/a/archive-url",
    content: '${sensitive("${var.mirror}/v3.6.14/etcd-v3.6.14-linux-{arch}.tar.gz")}',
  });
  expect(JSON.stringify(json).match(/var\.mirror/g)).toHaveLength(1);
  expect(JSON.stringify(json)).toContain("ARCHIVE_URL='the mirror'");
});

test("a release without a password needs no such upload", () => {
  const json = synth((stack) => {
    new EtcdCluster(stack, "etcd", { members: [{ name: "a", address: "10.4.7.1" }], ssh: {} });
  });
  expect(find(json, "null_resource.etcd_member_a_stage").provisioner).toHaveLength(3);
});
