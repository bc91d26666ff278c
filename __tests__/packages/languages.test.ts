import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Framework } from "../support/framework";
import { bindings } from "../support/packages";

const ROOT = join(__dirname, "..", "..");

/** The public classes, structs and enums, as jsii has them. */
const { types } = JSON.parse(readFileSync(join(ROOT, ".jsii"), "utf8")) as { types: { [fqn: string]: object } };
const names = Object.keys(types).map((fqn) => fqn.split(".")[1]);

const PREFIX = { cdktf: "Cdktf", cdktn: "Cdktn" };

/** The file of a class in what jsii generated for a language. */
const FILES: [language: string, file: (framework: Framework, name: string) => string][] = [
  ["java", (framework, name) => `src/main/java/io/github/${framework}etcd/${name}.java`],
  ["go", (framework, name) => `${framework}etcd/${name}.go`],
  ["dotnet", (framework, name) => `${PREFIX[framework]}Etcd/${PREFIX[framework]}Etcd/${name}.cs`],
];

// `npm run package` fails when jsii warns, which it does of names that are reserved in a language.
describe.each<Framework>(["cdktf", "cdktn"])("the bindings for %s", (framework) => {
  test.each(FILES)("have all of the API in %s", (language, file) => {
    expect(names).toContain("EtcdClusterProps");
    expect(names.filter((name) => !existsSync(join(bindings(framework, language), file(framework, name))))).toEqual([]);
  });
});
