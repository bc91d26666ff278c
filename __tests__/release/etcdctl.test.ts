import { hasLearners, hasMoveLeader, needsApiVariable, snapshotTool } from "../../src/release/etcdctl";

// The first patch of each minor: what etcdctl can do changes with minors.
test.each([
  ["3.1.20", true, false, false, "etcdctl"],
  ["3.2.32", true, false, false, "etcdctl"],
  ["3.3.0", true, true, false, "etcdctl"],
  ["3.4.0", false, true, true, "etcdctl"],
  ["3.5.0", false, true, true, "etcdutl"],
  ["3.6.14", false, true, true, "etcdutl"],
])("%s: ETCDCTL_API %s, move-leader %s, learners %s, snapshots by %s", (version, api, moves, learners, tool) => {
  expect(needsApiVariable(version)).toBe(api);
  expect(hasMoveLeader(version)).toBe(moves);
  expect(hasLearners(version)).toBe(learners);
  expect(snapshotTool(version)).toBe(tool);
});
