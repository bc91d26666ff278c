import { atLeast, compareVersions, parseVersion } from "../../src/release/version";

test("a version X.Y.Z is parsed into its minor and its patch", () => {
  expect(parseVersion("3.6.14")).toEqual({ minor: "3.6", patch: 14, numbers: [3, 6, 14] });
});

test.each(["", "3.6", "v3.6.14", "3.6.14-rc.0", "3.06.1", "3.6.14\n", "3.6.14.1"])("%j is not a version", (text) => {
  expect(parseVersion(text)).toBeUndefined();
});

test("versions are compared as numbers", () => {
  expect(["3.10.0", "3.6.14", "3.6.4", "4.0.0"].sort(compareVersions)).toEqual(["3.6.4", "3.6.14", "3.10.0", "4.0.0"]);
  expect(compareVersions("3.6.14", "3.6.14")).toBe(0);
});

test("atLeast includes the version itself", () => {
  expect(atLeast("3.4.0", "3.4.0")).toBe(true);
  expect(atLeast("3.3.27", "3.4.0")).toBe(false);
});

test("comparing anything but a version fails with the text and the expected format", () => {
  expect(() => compareVersions("3.6.14", "latest")).toThrow('"latest" is not an etcd version; use X.Y.Z, e.g. 3.6.14');
});
