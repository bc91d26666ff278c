import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { App, TerraformStack, Token } from "cdktf";
import { operatorPath } from "../../src/provision/operator-path";
import { temporaryDirectory } from "../support/temporary-directory";

const project = temporaryDirectory();
const before = process.cwd();
beforeAll(() => process.chdir(project));
afterAll(() => process.chdir(before));

const pathIn = (outdir: string, path: string) => operatorPath(new TerraformStack(new App({ outdir }), "etcd"), path);

test("a relative path is rewritten for the stack's directory, which is three levels below the project", () => {
  expect(pathIn("cdktf.out", "credentials")).toBe("../../../credentials");
});

test("a relative path is rewritten for any output directory", () => {
  const outdir = join(project, "build", "out");
  mkdirSync(outdir, { recursive: true });
  expect(pathIn(outdir, "credentials")).toBe("../../../../credentials");
});

test("so is one of which only Terraform knows a part, but not one of which it knows the start", () => {
  const name = Token.asString({ resolve: () => "name" });
  expect(pathIn("cdktf.out", `keys/${name}/id`)).toBe(`../../../keys/${name}/id`);
  expect(pathIn("cdktf.out", `${name}/id`)).toBe(`${name}/id`);
});

test.each(["/etc/etcd/credentials", "~/credentials"])("%s stays as it is", (path) => {
  expect(pathIn("cdktf.out", path)).toBe(path);
});
