import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { temporaryDirectory } from "../support/temporary-directory";

const ROOT = join(__dirname, "..", "..");
const directory = temporaryDirectory();
/** The bundler that tsx brings. */
const ESBUILD = require.resolve("esbuild/bin/esbuild", { paths: [require.resolve("tsx")] });

const PROGRAM = `
import { App, TerraformStack } from "cdktf";
import { EtcdCluster, SshKey } from "${ROOT}/src";
const stack = new TerraformStack(new App(), "etcd");
new EtcdCluster(stack, "etcd", { members: [{ name: "a", address: "10.4.7.12" }], ssh: { key: SshKey.file("key") } });
`;

test("a program into which a bundler has copied this package is refused, because the host scripts are not beside it", () => {
  const program = join(directory, "main.js");
  const bundled = spawnSync(ESBUILD, ["--bundle", "--platform=node", "--log-level=error", `--outfile=${program}`], {
    cwd: ROOT,
    input: PROGRAM,
    encoding: "utf8",
  });
  expect(bundled.stderr).toBe("");
  const run = spawnSync(process.execPath, [program], { cwd: directory, encoding: "utf8" });
  expect(/^Error: .*$/m.exec(run.stderr)?.[0]).toBe(
    `Error: etcd/etcd: the host scripts of this package are not in ${join(directory, "..", "..", "scripts")}: a bundler has copied the package's code, but not its other files; ` +
      "make the package external in the bundler's configuration, so that it stays in node_modules",
  );
}, 60_000);
