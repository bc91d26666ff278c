/*
 * The program makes the machines, too. A `terraform_data` stands here for a cloud's own resource, such as
 * aws_instance, openstack_compute_instance_v2 or libvirt_domain, which has an id and an address in the same way.
 */
import { App, TerraformOutput, TerraformResource, TerraformStack } from "cdktf";
import { EtcdCluster, SshKey } from "cdktf-etcd";

const app = new App();
const stack = new TerraformStack(app, "provisioned-hosts");

const firewall = new TerraformResource(stack, "firewall", { terraformResourceType: "terraform_data" });

const cluster = new EtcdCluster(stack, "etcd", {
  members: ["etcd-1", "etcd-2", "etcd-3"].map((name, i) => {
    const machine = new TerraformResource(stack, name, { terraformResourceType: "terraform_data" });
    machine.addOverride("input", `10.0.0.${11 + i}`);
    return {
      name,
      // Like a cloud's addresses, this one is known only after apply.
      address: machine.getStringAttribute("output"),
      // Another machine has another id: Terraform replaces this one, and the member, in one apply.
      machine: machine.getStringAttribute("id"),
    };
  }),
  // A member is taken out of the cluster before its machine is replaced or destroyed.
  machinesInStack: true,
  // Nothing connects to the machines before this is complete.
  dependsOn: [firewall],
  // A new machine needs a while until its sshd is up.
  ssh: { user: "admin", key: SshKey.file("~/.ssh/id_ed25519"), timeout: "5m" },
});

// This waits until all members are healthy, and is destroyed before they are stopped.
new TerraformResource(stack, "application", { terraformResourceType: "terraform_data", dependsOn: [cluster] });

new TerraformOutput(stack, "endpoints", { value: cluster.endpoints });

app.synth();
