/* Measures the synth of N three-member clusters in one stack, with the built package. usage: node bench/synth.js N */
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { performance } = require("node:perf_hooks");
const { App, TerraformStack } = require("cdktf");
const { EtcdCluster, SshKey } = require("..");

const app = new App({ outdir: mkdtempSync(join(tmpdir(), "synth-")) });
const stack = new TerraformStack(app, "bench");
const count = Number(process.argv[2] ?? 1);
const began = performance.now();
for (let i = 0; i < count; i++) {
  new EtcdCluster(stack, `cluster-${i}`, {
    members: [1, 2, 3].map((n) => ({ name: `member-${n}`, address: `10.${Math.floor(i / 250)}.${i % 250}.${n}` })),
    ssh: { key: SshKey.file("~/.ssh/id_ed25519") },
    certificates: { sharedPeerCertificate: true },
  });
}
app.synth();
const resources = Object.values(stack.toTerraform().resource).reduce((sum, kind) => sum + Object.keys(kind).length, 0);
const milliseconds = performance.now() - began;
console.log(
  `${count} clusters, ${resources} resources: ${milliseconds.toFixed(0)} ms, ${(milliseconds / resources).toFixed(2)} ms a resource`,
);
rmSync(app.outdir, { recursive: true });
