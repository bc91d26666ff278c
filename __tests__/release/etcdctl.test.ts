import { needsApiVariable } from "../../src/release/etcdctl";

test.each([
  ["3.1.20", true],
  ["3.3.27", true],
  ["3.4.0", false],
  ["3.6.14", false],
])("etcdctl %s speaks v3 only with ETCDCTL_API: %s", (version, needed) => {
  expect(needsApiVariable(version)).toBe(needed);
});
