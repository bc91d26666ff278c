const base = require("./jest.config.js");

/** The lab's scenarios: real hosts, one lab at a time: two saturate two cores, and what they measure is the other one. @type {import("jest").Config} */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/lab"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
  testTimeout: 600_000,
};
