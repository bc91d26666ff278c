const base = require("./jest.config.js");

/** The lab's scenarios: real hosts, two labs at a time, each with hosts and a network of its own. @type {import("jest").Config} */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/lab"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 2,
  testTimeout: 600_000,
};
