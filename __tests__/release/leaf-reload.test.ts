import { reloadsLeaf } from "../../src/release/leaf-reload";

// 3.2.0 to 3.2.18 and 3.3.0 to 3.3.3 do this only for certificates with a DNS name, so they count as not doing it.
test.each([
  ["3.1.20", false],
  ["3.2.0", false],
  ["3.2.18", false],
  ["3.2.19", true],
  ["3.2.32", true],
  ["3.3.0", false],
  ["3.3.3", false],
  ["3.3.4", true],
  ["3.3.27", true],
  ["3.4.0", true],
  ["3.6.14", true],
  ["3.7.1", true],
])("etcd %s reads its leaf certificate at each handshake: %s", (version, reloads) => {
  expect(reloadsLeaf(version)).toBe(reloads);
});
