import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ALONE, ALWAYS, IN_PAIRS, ON_REQUEST, scenariosOf } from "./lab/support/scenarios";

const GROUPS = { alone: ALONE, pairs: IN_PAIRS };

test("every scenario of the lab is listed", () => {
  const files = readdirSync(join(__dirname, "lab")).filter((file) => file.endsWith(".test.ts"));
  const names = files.map((file) => file.slice(0, -".test.ts".length)).sort();
  expect(scenariosOf({ sample: false, seed: 0, engine: true }).sort()).toEqual(names);
  expect(scenariosOf({ sample: false, seed: 0, engine: false })).not.toContain(ON_REQUEST[0]);
});

test.each(["alone", "pairs"] as const)(
  "three sampled runs with consecutive seeds have all scenarios of %s, in parts that take about as long",
  (group) => {
    const seconds: { [name: string]: number } = GROUPS[group];
    const runs = [7, 8, 9].map((seed) => scenariosOf({ group, sample: true, seed, engine: false }));
    expect([...new Set(runs.flat())].sort()).toEqual(Object.keys(seconds).sort());
    const lengths = runs.map((names) => names.reduce((sum, name) => sum + seconds[name], 0));
    expect(Math.max(...lengths)).toBeLessThan(1.2 * Math.min(...lengths));
    const repeated = runs.flat().length - Object.keys(seconds).length;
    expect(repeated).toBe(2 * ALWAYS.filter((name) => name in seconds).length);
  },
);
