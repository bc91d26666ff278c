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

/** Every known minor and the minors next to them, at the patches around each limit. */
const VERSIONS = ["3.0", ...MINORS, "3.8"].flatMap((minor) =>
  [0, 1, 2, 3, 10, 11, 12, 31, 32, 33, 99].map((patch) => `${minor}.${patch}`),
);
const UPGRADES = VERSIONS.flatMap((from) =>
  VERSIONS.filter((to) => compareVersions(from, to) < 0).map((to): [string, string] => [from, to]),
);

describe("supported upgrades", () => {
  const next = CHAIN.slice(1).map((to, i): [string, string] => [CHAIN[i], to]);

  test.each([
    ...next,
    // No change, or a newer patch.
    ["3.6.14", "3.6.14"],
    ["3.6.3", "3.6.14"],
    ["3.4.0", "3.4.24"],
    // From a version that is refused as a target, and across the patches in between.
    ["3.5.1", "3.5.33"],
    ["3.4.23", "3.5.3"],
    // From exactly the oldest patch that may be upgraded.
    ["3.5.32", "3.6.0"],
    ["3.6.11", "3.7.1"],
    // Patches that are newer than any known one, of known minors.
    ["3.5.99", "3.6.99"],
    // A refused version may stay, because nothing changes on the host.
    ["3.5.1", "3.5.1"],
  ])("%s → %s is supported", (from, to) => {
    expect(supportedUpgrade(from, to)).toEqual({ supported: true });
  });
});

describe("refused upgrades", () => {
  test.each([
    [
      "3.6.14",
      "3.5.33",
      "downgrades are not supported: 3.5.33 is older than 3.6.14; stay on 3.6.14, or choose a newer version",
    ],
    [
      "3.6.14",
      "3.6.13",
      "downgrades are not supported: 3.6.13 is older than 3.6.14; stay on 3.6.14, or choose a newer version",
    ],
    [
      "3.8.0",
      "3.7.1",
      "downgrades are not supported: 3.7.1 is older than 3.8.0; stay on 3.8.0, or choose a newer version",
    ],

    [
      "3.1.20",
      "3.3.27",
      "etcd is upgraded one minor version at a time: 3.1.20 to 3.3.27 skips 3.2; upgrade to 3.2.15 first",
    ],
    [
      "3.2.32",
      "3.4.23",
      "etcd is upgraded one minor version at a time: 3.2.32 to 3.4.23 skips 3.3; upgrade to 3.3.13 first",
    ],
    [
      "3.3.27",
      "3.5.33",
      "etcd is upgraded one minor version at a time: 3.3.27 to 3.5.33 skips 3.4; upgrade to 3.4.24 first",
    ],
    [
      "3.4.23",
      "3.6.14",
      "etcd is upgraded one minor version at a time: 3.4.23 to 3.6.14 skips 3.5; upgrade to 3.5.33 first",
    ],
    [
      "3.5.33",
      "3.7.1",
      "etcd is upgraded one minor version at a time: 3.5.33 to 3.7.1 skips 3.6; upgrade to 3.6.14 first",
    ],
    [
      "3.1.20",
      "3.7.1",
      "etcd is upgraded one minor version at a time: 3.1.20 to 3.7.1 skips 3.2 to 3.6; upgrade to 3.2.15 first",
    ],
    // The first step that the message suggests must itself be supported.
    [
      "3.5.10",
      "3.7.1",
      "etcd is upgraded one minor version at a time: 3.5.10 to 3.7.1 skips 3.6; upgrade to 3.5.33 first, then to 3.6.14",
    ],

    [
      "3.5.31",
      "3.6.14",
      "3.5.31 is too old: an upgrade to etcd 3.6 must start from 3.5.32 or later; upgrade to 3.5.33 first",
    ],
    [
      "3.5.1",
      "3.6.0",
      "3.5.1 is too old: an upgrade to etcd 3.6 must start from 3.5.32 or later; upgrade to 3.5.33 first",
    ],
    [
      "3.6.10",
      "3.7.1",
      "3.6.10 is too old: an upgrade to etcd 3.7 must start from 3.6.11 or later; upgrade to 3.6.14 first",
    ],

    ["3.4.23", "3.5.2", "3.5.2 is refused: 3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later"],
    ["3.5.0", "3.5.1", "3.5.1 is refused: 3.5.0 to 3.5.2 can corrupt data; use 3.5.6 or later"],

    [
      "2.3.8",
      "3.1.20",
      "2.3.8 has another major version: upgrades are possible only within etcd 3; create a new cluster, and copy the data into it",
    ],
    [
      "3.7.1",
      "4.0.0",
      "4.0.0 has another major version: upgrades are possible only within etcd 3; create a new cluster, and copy the data into it",
    ],
    [
      "3.0.17",
      "3.1.20",
      "3.0.17 has a minor version that this package does not know: it knows 3.1 to 3.7; upgrade by hand",
    ],
    [
      "3.7.1",
      "3.8.0",
      "3.8.0 has a minor version that this package does not know: it knows 3.1 to 3.7; use one of these, or upgrade the package",
    ],
    ["3.6.14", "latest", '"latest" is not an etcd version; use X.Y.Z, e.g. 3.6.14'],
    ["3.6.0-rc.0", "3.6.14", '"3.6.0-rc.0" is not an etcd version; use X.Y.Z, e.g. 3.6.14'],
    ["", "", '"" is not an etcd version; use X.Y.Z, e.g. 3.6.14'],
  ])("%s → %s is refused with this reason", (from, to, reason) => {
    expect(supportedUpgrade(from, to)).toEqual({ supported: false, reason });
  });
});

test("in the chain through all minors, each step to the next version is supported, and every longer step and every step back is refused", () => {
  for (const [i, from] of CHAIN.entries()) {
    for (const [j, to] of CHAIN.entries()) {
      const step = j - i;
      expect([from, to, supportedUpgrade(from, to).supported]).toEqual([from, to, step === 0 || step === 1]);
    }
  }
});

test("every downgrade is refused", () => {
  for (const [older, newer] of UPGRADES) {
    expect(supportedUpgrade(newer, older)).toMatchObject({
      supported: false,
      reason: expect.stringContaining(`${older} is older than ${newer}`),
    });
  }
});

test("EtcdUpgrade.check gives the same answers", () => {
  expect(EtcdUpgrade.check("3.5.33", "3.6.14")).toEqual({ supported: true });
  expect(EtcdUpgrade.check("3.4.23", "3.6.14")).toEqual(supportedUpgrade("3.4.23", "3.6.14"));
});

test("following the refusals leads to the target version, and each step is to a version with a known digest", () => {
  const version = fc.tuple(fc.constantFrom(...MINORS), fc.nat(40)).map(([minor, patch]) => `${minor}.${patch}`);
  const target = fc.constantFrom(
    ...Object.keys(DIGESTS).filter((known) => !["3.5.0", "3.5.1", "3.5.2"].includes(known)),
  );
  fc.assert(
    fc.property(version, target, (start, to) => {
      fc.pre(compareVersions(start, to) < 0);
      let at = start;
      // At most two steps are needed in each minor.
      for (let steps = 0; steps < 2 * MINORS.length && !supportedUpgrade(at, to).supported; steps++) {
        const [, first] = /; upgrade to (\d+\.\d+\.\d+) first/.exec(supportedUpgrade(at, to).reason ?? "") ?? [];
        expect(DIGESTS).toHaveProperty([first]);
        expect(supportedUpgrade(at, first)).toEqual({ supported: true });
        at = first;
      }
      expect(supportedUpgrade(at, to)).toEqual({ supported: true });
    }),
    { seed: 1, numRuns: 2000 },
  );
});

describe("the versions from which an upgrade may start", () => {
  test("are all patches of the same minor, and the patches of the previous minor that are new enough", () => {
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
    // No upgrade leads to these versions.
    ["3.5.1", ""],
    ["3.8.0", ""],
    ["4.0.0", ""],
    ["latest", ""],
  ])("are rendered for the host scripts, for an upgrade to %s: %j", (to, text) => {
    expect(renderUpgradeSources(to)).toBe(text);
  });

  test.each(VERSIONS)(
    "agree with the rules for an upgrade to %s when they are read as the host scripts read them",
    (to) => {
      // A host script knows only this text, the installed version and the wanted version.
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
    },
  );
});

test("the first minor has no previous minor", () => {
  expect(MINORS.map(previousMinor)).toEqual([undefined, ...MINORS.slice(0, -1)]);
  expect(previousMinor("4.0")).toBeUndefined();
});
