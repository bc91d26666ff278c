import { needsApiVariable } from "../../src/release/etcdctl";

test.each([
  ["3.1.20", true],
  ["3.3.27", true],
  ["3.4.0", false],
  ["3.6.14", false],
])("etcdctl %s needs ETCDCTL_API to use the v3 API: %s", (version, needed) => {
  expect(needsApiVariable(version)).toBe(needed);
});
