const base = require("./jest.config.js");

/**
 * The lab's scenarios, on real hosts. They run one at a time, because a client that measures gaps would also measure
 * the load of another lab. tools/test.sh runs two at a time where no client measures.
 *
 * @type {import("jest").Config}
 */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/lab"],
  // `engines` needs an engine that is built on request only. This is no pattern to ignore, because tools/test.sh gives
  // those on the command line, where they replace the ones here.
  testMatch: [...base.testMatch, ...(process.env.LAB_ENGINE ? [] : ["!**/lab/engines.test.ts"])],
  testPathIgnorePatterns: ["/node_modules/"],
  setupFilesAfterEnv: ["<rootDir>/__tests__/lab/support/backups-in-turns.ts"],
  maxWorkers: 1,
  testTimeout: 600_000,
};
