import { supportStatus } from "../../src/release/support";

test.each(["3.5.0", "3.5.1", "3.5.2"])("%s is denied because it can corrupt data", (version) => {
  expect(supportStatus(version)).toEqual({ denied: "3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later" });
});

test.each([
  ["3.1.20", "etcd 3.1 no longer gets fixes; plan an upgrade to 3.6"],
  ["3.4.23", "etcd 3.4 no longer gets fixes; plan an upgrade to 3.6"],
  ["3.5.5", "it has known defects that 3.5.6 fixes; use 3.5.6 or later"],
  ["3.6.3", "it has known defects that 3.6.4 fixes; use 3.6.4 or later"],
])("%s is warned about", (version, warning) => {
  expect(supportStatus(version)).toEqual({ warning });
});

test("a version before 3.4.22 gets both warnings", () => {
  expect(supportStatus("3.4.21").warning).toBe(
    "etcd 3.4 no longer gets fixes; plan an upgrade to 3.6; it has known defects that 3.4.22 fixes; use 3.4.22 or later",
  );
});

test.each(["3.5.6", "3.5.33", "3.6.4", "3.6.14", "3.7.1"])("%s has no warning", (version) => {
  expect(supportStatus(version)).toEqual({});
});
