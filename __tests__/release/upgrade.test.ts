import * as fc from "fast-check";
import { DIGESTS } from "../../src/release/digests.generated";
import { MINORS } from "../../src/release/flags.generated";
import {
  EtcdUpgrade,
  previousMinor,
  renderUpgradeSources,
  supportedUpgrade,
  upgradeSources,
} from "../../src/release/upgrade";
import { compareVersions, parseVersion } from "../../src/release/version";

const CHAIN = ["3.1.20", "3.2.32", "3.3.27", "3.4.23", "3.5.33", "3.6.14", "3.7.1"];

/** Every minor that is known and its neighbours, at the patches around each limit. */
const VERSIONS = ["3.0", ...MINORS, "3.8"].flatMap((minor) =>
  [0, 1, 2, 3, 10, 11, 12, 31, 32, 33, 99].map((patch) => `${minor}.${patch}`),
);
const UPGRADES = VERSIONS.flatMap((from) =>
  VERSIONS.filter((to) => compareVersions(from, to) < 0).map((to): [string, string] => [from, to]),
);

describe("supported", () => {
  const next = CHAIN.slice(1).map((to, i): [string, string] => [CHAIN[i], to]);

  test.each([
    ...next,
    // Nothing to do, or a patch.
    ["3.6.14", "3.6.14"],
    ["3.6.3", "3.6.14"],
    ["3.4.0", "3.4.24"],
    // Away from a version that is refused, and over the patches between.
    ["3.5.1", "3.5.33"],
    ["3.4.23", "3.5.3"],
    // Exactly the oldest that may go on.
    ["3.5.32", "3.6.0"],
    ["3.6.11", "3.7.1"],
    // Newer than any that is known, of a minor that is.
    ["3.5.99", "3.6.99"],
    // Nothing happens on such a host.
    ["3.5.1", "3.5.1"],
  ])("%s → %s", (from, to) => {
    expect(supportedUpgrade(from, to)).toEqual({ supported: true });
  });
});

describe("refused, by exact text", () => {
  test.each([
    ["3.6.14", "3.5.33", "etcd does not go back: 3.5.33 is older than 3.6.14; stay on 3.6.14, or go to a newer one"],
    ["3.6.14", "3.6.13", "etcd does not go back: 3.6.13 is older than 3.6.14; stay on 3.6.14, or go to a newer one"],
    ["3.8.0", "3.7.1", "etcd does not go back: 3.7.1 is older than 3.8.0; stay on 3.8.0, or go to a newer one"],

    ["3.1.20", "3.3.27", "etcd goes up one minor at a time: 3.1.20 to 3.3.27 skips 3.2; go to 3.2.15 first"],
    ["3.2.32", "3.4.23", "etcd goes up one minor at a time: 3.2.32 to 3.4.23 skips 3.3; go to 3.3.13 first"],
    ["3.3.27", "3.5.33", "etcd goes up one minor at a time: 3.3.27 to 3.5.33 skips 3.4; go to 3.4.24 first"],
    ["3.4.23", "3.6.14", "etcd goes up one minor at a time: 3.4.23 to 3.6.14 skips 3.5; go to 3.5.33 first"],
    ["3.5.33", "3.7.1", "etcd goes up one minor at a time: 3.5.33 to 3.7.1 skips 3.6; go to 3.6.14 first"],
    ["3.1.20", "3.7.1", "etcd goes up one minor at a time: 3.1.20 to 3.7.1 skips 3.2 to 3.6; go to 3.2.15 first"],
    // The first step of the way is one that is supported itself.
    [
      "3.5.10",
      "3.7.1",
      "etcd goes up one minor at a time: 3.5.10 to 3.7.1 skips 3.6; go to 3.5.33 first, from there to 3.6.14",
    ],

    ["3.5.31", "3.6.14", "3.5.31 is too old a patch: etcd 3.6 takes over from 3.5.32 or later; go to 3.5.33 first"],
    ["3.5.1", "3.6.0", "3.5.1 is too old a patch: etcd 3.6 takes over from 3.5.32 or later; go to 3.5.33 first"],
    ["3.6.10", "3.7.1", "3.6.10 is too old a patch: etcd 3.7 takes over from 3.6.11 or later; go to 3.6.14 first"],

    ["3.4.23", "3.5.2", "3.5.2 is refused: 3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later"],
    ["3.5.0", "3.5.1", "3.5.1 is refused: 3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later"],

    [
      "2.3.8",
      "3.1.20",
      "2.3.8 is of another major: an upgrade is from one etcd 3 to another; make a new cluster, and copy the data into it",
    ],
    [
      "3.7.1",
      "4.0.0",
      "4.0.0 is of another major: an upgrade is from one etcd 3 to another; make a new cluster, and copy the data into it",
    ],
    ["3.0.17", "3.1.20", "3.0.17 is of a minor that this package does not know: it knows 3.1 to 3.7; upgrade by hand"],
    [
      "3.7.1",
      "3.8.0",
      "3.8.0 is of a minor that this package does not know: it knows 3.1 to 3.7; give one of these, or upgrade the package",
    ],
    ["3.6.14", "latest", '"latest" is not an etcd version; give X.Y.Z, e.g. 3.6.14'],
    ["3.6.0-rc.0", "3.6.14", '"3.6.0-rc.0" is not an etcd version; give X.Y.Z, e.g. 3.6.14'],
    ["", "", '"" is not an etcd version; give X.Y.Z, e.g. 3.6.14'],
  ])("%s → %s", (from, to, reason) => {
    expect(supportedUpgrade(from, to)).toEqual({ supported: false, reason });
  });
});

test("of the chain through all minors, each step up is supported, and every other is refused", () => {
  for (const [i, from] of CHAIN.entries()) {
    for (const [j, to] of CHAIN.entries()) {
      const step = j - i;
      expect([from, to, supportedUpgrade(from, to).supported]).toEqual([from, to, step === 0 || step === 1]);
    }
  }
});

test("a downgrade is refused, from and to whatever", () => {
  for (const [older, newer] of UPGRADES) {
    expect(supportedUpgrade(newer, older)).toMatchObject({
      supported: false,
      reason: expect.stringContaining(`${older} is older than ${newer}`),
    });
  }
});

test("what the public class says is the same", () => {
  expect(EtcdUpgrade.check("3.5.33", "3.6.14")).toEqual({ supported: true });
  expect(EtcdUpgrade.check("3.4.23", "3.6.14")).toEqual(supportedUpgrade("3.4.23", "3.6.14"));
});

test("whoever does what a refusal says arrives, and each step is to a version with a known digest", () => {
  const version = fc.tuple(fc.constantFrom(...MINORS), fc.nat(40)).map(([minor, patch]) => `${minor}.${patch}`);
  const target = fc.constantFrom(
    ...Object.keys(DIGESTS).filter((known) => !["3.5.0", "3.5.1", "3.5.2"].includes(known)),
  );
  fc.assert(
    fc.property(version, target, (start, to) => {
      fc.pre(compareVersions(start, to) < 0);
      let at = start;
      // No more steps than two in each minor.
      for (let steps = 0; steps < 2 * MINORS.length && !supportedUpgrade(at, to).supported; steps++) {
        const [, first] = /; go to (\d+\.\d+\.\d+) first/.exec(supportedUpgrade(at, to).reason ?? "") ?? [];
        expect(DIGESTS).toHaveProperty([first]);
        expect(supportedUpgrade(at, first)).toEqual({ supported: true });
        at = first;
      }
      expect(supportedUpgrade(at, to)).toEqual({ supported: true });
    }),
    { seed: 1, numRuns: 2000 },
  );
});

describe("the versions from which an upgrade starts", () => {
  test("are the patches of the same minor, and those of the one before that are new enough", () => {
    expect(upgradeSources("3.6.14")).toEqual([
      { minor: "3.5", floor: 32 },
      { minor: "3.6", floor: 0 },
    ]);
  });

  test.each([
    ["3.1.20", "3.1.0"],
    ["3.2.32", "3.1.0 3.2.0"],
    ["3.4.23", "3.3.0 3.4.0"],
    ["3.5.33", "3.4.0 3.5.0"],
    ["3.6.14", "3.5.32 3.6.0"],
    ["3.7.1", "3.6.11 3.7.0"],
    // Nothing goes there.
    ["3.5.1", ""],
    ["3.8.0", ""],
    ["4.0.0", ""],
    ["latest", ""],
  ])("for a host's script, to %s: %j", (to, text) => {
    expect(renderUpgradeSources(to)).toBe(text);
  });

  test.each(VERSIONS)("read as a host's script does, they say of %s what the rules say", (to) => {
    // What the script has: the text, the version that is installed, and the version that is wanted.
    const allowed = (from: string) =>
      renderUpgradeSources(to)
        .split(" ")
        .some(
          (lowest) => parseVersion(lowest)?.minor === parseVersion(from)?.minor && compareVersions(from, lowest) >= 0,
        );
    for (const [from, target] of UPGRADES) {
      if (target !== to) continue;
      expect([from, allowed(from)]).toEqual([from, supportedUpgrade(from, to).supported]);
    }
  });
});

test("the minor before the first is none", () => {
  expect(MINORS.map(previousMinor)).toEqual([undefined, ...MINORS.slice(0, -1)]);
  expect(previousMinor("4.0")).toBeUndefined();
});
