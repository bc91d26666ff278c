const base = require("./jest.config.js");
const { scenariosOf } = require("./__tests__/lab/support/scenarios.js");

// All workers inherit it, so the whole run has one seed.
process.env.SEED ??= String(Date.now() % 100_000);
const { LAB_GROUP, LAB_SAMPLE, SEED, LAB_ENGINE } = process.env;
const scenarios = scenariosOf({ group: LAB_GROUP, sample: !!LAB_SAMPLE, seed: Number(SEED), engine: !!LAB_ENGINE });

/**
 * The lab's scenarios, on real hosts.
 *
 * @type {import("jest").Config}
 */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/lab"],
  testMatch: scenarios.map((name) => `**/lab/${name}.test.ts`),
  testPathIgnorePatterns: ["/node_modules/"],
  setupFilesAfterEnv: ["<rootDir>/__tests__/lab/support/backups-in-turns.ts"],
  maxWorkers: 1,
  testTimeout: 600_000,
};
