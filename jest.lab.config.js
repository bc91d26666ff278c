const base = require("./jest.config.js");

/** The lab's scenarios, on real hosts: one lab at a time, or what a client measures is the other one (tools/test.sh runs two where none does). @type {import("jest").Config} */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/lab"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
  testTimeout: 600_000,
};
