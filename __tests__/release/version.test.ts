import { atLeast, compareVersions, parseVersion } from "../../src/release/version";

test("X.Y.Z has a minor and a patch", () => {
  expect(parseVersion("3.6.14")).toEqual({ minor: "3.6", patch: 14, numbers: [3, 6, 14] });
});

test.each(["", "3.6", "v3.6.14", "3.6.14-rc.0", "3.06.1", "3.6.14\n", "3.6.14.1"])("%j is no version", (text) => {
  expect(parseVersion(text)).toBeUndefined();
});

test("versions are compared as numbers", () => {
  expect(["3.10.0", "3.6.14", "3.6.4", "4.0.0"].sort(compareVersions)).toEqual(["3.6.4", "3.6.14", "3.10.0", "4.0.0"]);
  expect(compareVersions("3.6.14", "3.6.14")).toBe(0);
});

test("a version is at least itself", () => {
  expect(atLeast("3.4.0", "3.4.0")).toBe(true);
  expect(atLeast("3.3.27", "3.4.0")).toBe(false);
});

test("comparing anything else fails with the text and the form to give", () => {
  expect(() => compareVersions("3.6.14", "latest")).toThrow('"latest" is not an etcd version: give X.Y.Z, e.g. 3.6.14');
});
