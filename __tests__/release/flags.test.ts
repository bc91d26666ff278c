import { flagKnown, flagVersions } from "../../src/release/flags";

test.each([
  ["ca-file", "3.1.20", true],
  ["ca-file", "3.3.27", true],
  ["ca-file", "3.4.0", false],
  ["log-outputs", "3.3.27", false],
  ["log-outputs", "3.4.0", true],
  ["enable-v2", "3.5.33", true],
  ["enable-v2", "3.6.0", false],
  ["experimental-initial-corrupt-check", "3.6.14", true],
  ["experimental-initial-corrupt-check", "3.7.0", false],
  // This flag was backported, so it exists from a certain patch on.
  ["tls-min-version", "3.4.24", false],
  ["tls-min-version", "3.4.25", true],
  ["tls-min-version", "3.5.7", false],
  ["tls-min-version", "3.5.8", true],
  ["quota-backend-bytes", "3.8.0", false],
  ["no-such-flag", "3.6.14", false],
  ["constructor", "3.6.14", false],
])("--%s exists in etcd %s: %s", (flag, version, known) => {
  expect(flagKnown(flag, version)).toBe(known);
});

test.each([
  ["name", "3.1 to 3.7"],
  ["ca-file", "3.1 to 3.3"],
  ["tls-min-version", "3.4.25 and later, 3.5.8 and later, 3.6 to 3.7"],
  ["next-cluster-version-compatible", "3.4.31 and later"],
  ["experimental-warning-unary-request-duration", "3.6"],
  ["no-such-flag", ""],
])("--%s exists in the versions %j", (flag, versions) => {
  expect(flagVersions(flag)).toBe(versions);
});
