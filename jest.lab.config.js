const base = require("./jest.config.js");

/** The lab's scenarios: real hosts, one scenario at a time: two saturate two cores. @type {import("jest").Config} */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/lab"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
  testTimeout: 600_000,
};
