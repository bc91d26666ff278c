import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { programFor } from "../support/framework";
import { cdktnPackages, npmPackage, NpmProject } from "../support/packages";
import { temporaryDirectory } from "../support/temporary-directory";

const ROOT = join(__dirname, "..", "..");
const directory = temporaryDirectory();

/**
 * Whole programs: the README's, main.ts and the examples. That of DigitalOcean needs a binding beside the package, which
 * is published for cdktf only.
 */
const programs: { [name: string]: string } = {
  readme: firstBlock("README.md"),
  main: readFileSync(join(ROOT, "main.ts"), "utf8"),
  ...Object.fromEntries(
    readdirSync(join(ROOT, "examples"))
      .filter((name) => name !== "digitalocean" && existsSync(join(ROOT, "examples", name, "main.ts")))
      .map((name) => [name, readFileSync(join(ROOT, "examples", name, "main.ts"), "utf8")]),
  ),
};

function firstBlock(page: string): string {
  return /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, page), "utf8"))?.[1] ?? "";
}

function filesIn(tarball: string): string[] {
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  return files.map((file) => file.replace(/^package\//, "")).sort();
}

test("the package contains the library, the scripts and the docs, but no sources and no tools", () => {
  const files = filesIn(npmPackage("cdktf"));
  expect([...new Set(files.map((file) => file.split("/")[0]))]).toEqual([
    ".jsii",
    "API.md",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "docs",
    "lib",
    "package.json",
    "scripts",
  ]);
  expect(files.filter((file) => /\.ts$/.test(file) && !/\.d\.ts$/.test(file))).toEqual([]);
  for (const part of ["lib", "phases"]) {
    expect(files.filter((file) => file.startsWith(`scripts/${part}/`))).toEqual(
      readdirSync(join(ROOT, "scripts", part)).map((file) => `scripts/${part}/${file}`),
    );
  }
});

test("cdktn-etcd has the files of cdktf-etcd", () => {
  expect(filesIn(npmPackage("cdktn"))).toEqual(filesIn(npmPackage("cdktf")));
});

describe("in an empty project", () => {
  let withCdktf: NpmProject;

  beforeAll(() => {
    withCdktf = new NpmProject(join(directory, "with-cdktf"), [npmPackage("cdktf")]);
    withCdktf.compile(programs);
  });

  test("the README's program needs nothing but the package and its peer dependencies", () => {
    const modules = join(withCdktf.directory, "node_modules");
    const packages = [...readdirSync(modules), ...readdirSync(join(modules, "@cdktf"))];
    expect(packages.filter((name) => !name.startsWith("."))).toEqual([
      "@cdktf",
      "cdktf",
      "cdktf-etcd",
      "constructs",
      "provider-local",
      "provider-null",
      "provider-tls",
    ]);
    expect(Object.keys(withCdktf.synthesize("readme").resource).sort()).toEqual([
      "local_file",
      "null_resource",
      "terraform_data",
      "tls_cert_request",
      "tls_locally_signed_cert",
      "tls_private_key",
      "tls_self_signed_cert",
    ]);
    // The host scripts were found in the package and copied to the stack's assets.
    const stack = readdirSync(join(withCdktf.directory, "readme.out"), { encoding: "utf8", recursive: true });
    expect(stack.filter((file) => /assets\/.*\/phases\/bootstrap\.sh$/.test(file))).toHaveLength(1);
  });

  test("cdktn under the name of cdktf synthesizes the same", () => {
    const project = new NpmProject(join(directory, "with-alias"), [npmPackage("cdktf")], {
      dependencies: { cdktf: "npm:cdktn@0.24.0" },
      // Without this, npm refuses to install, because cdktf is a peer dependency of the package and the bindings.
      overrides: { cdktf: "$cdktf" },
    });
    const { name } = JSON.parse(readFileSync(join(project.directory, "node_modules/cdktf/package.json"), "utf8"));
    expect(name).toBe("cdktn");
    project.compile(programs);
    for (const program of Object.keys(programs)) {
      expect(project.synthesize(program)).toEqual(withCdktf.synthesize(program));
    }
  });

  test("cdktn-etcd synthesizes the same with cdktn and its bindings", () => {
    expect(firstBlock("cdktn/README.md")).toBe(programFor("cdktn", programs.readme));
    const project = new NpmProject(join(directory, "with-cdktn"), [npmPackage("cdktn"), ...cdktnPackages()]);
    expect(readdirSync(join(project.directory, "node_modules")).filter((name) => name.includes("cdktf"))).toEqual([]);
    project.compile(
      Object.fromEntries(Object.entries(programs).map(([name, text]) => [name, programFor("cdktn", text)])),
    );
    for (const program of Object.keys(programs)) {
      expect(project.synthesize(program)).toEqual(withCdktf.synthesize(program));
    }
  });

  test("a program that mixes the two frameworks is refused, with the ways out", () => {
    const project = new NpmProject(join(directory, "with-both"), [
      npmPackage("cdktf"),
      npmPackage("cdktn"),
      ...cdktnPackages(),
    ]);
    const cluster = `const members = [{ name: "a", address: "10.0.0.1" }];
      new EtcdCluster(stack, "etcd", { members, ssh: { key: SshKey.agent() } });`;
    project.compile({
      app: `import { App, TerraformStack } from "cdktn"; import { EtcdCluster, SshKey } from "cdktf-etcd";
        const stack = new TerraformStack(new App(), "production"); ${cluster}`,
      // A stack of the program's own class, in an app of the right framework.
      stack: `import { App } from "cdktn"; import { TerraformStack } from "cdktf";
        import { EtcdCluster, SshKey } from "cdktn-etcd";
        class Production extends TerraformStack {} const stack = new Production(new App(), "production"); ${cluster}`,
      stop: `import { App, TerraformStack } from "cdktn"; import { EtcdCluster } from "cdktf-etcd";
        EtcdCluster.stopRemovedClusters(new TerraformStack(new App(), "production"));`,
      authority: `import { App, TerraformStack } from "cdktf"; import { CertificateAuthority } from "cdktn-etcd";
        new CertificateAuthority(new TerraformStack(new App(), "production"), "ca");`,
    });
    expect(() => project.synthesize("app")).toThrow(
      "Error: production/etcd: cdktf-etcd is for cdktf, but the app is of cdktn, and one program cannot mix the two; " +
        "use cdktn-etcd in place of cdktf-etcd, or import App and TerraformStack from cdktf\n",
    );
    expect(() => project.synthesize("stack")).toThrow(
      'Error: production/etcd: cdktn-etcd is for cdktn, but the stack "production" is of cdktf, and one program cannot mix',
    );
    expect(() => project.synthesize("stop")).toThrow(
      "Error: production: cdktf-etcd is for cdktf, but the app is of cdktn",
    );
    expect(() => project.synthesize("authority")).toThrow(
      "Error: production/ca: cdktn-etcd is for cdktn, but the app is of cdktf",
    );
  });
});
