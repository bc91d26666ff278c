const base = require("./jest.config.js");

/**
 * What a release publishes, installed and used as a user does it. It is built first, and needs the package registries.
 *
 * @type {import("jest").Config}
 */
module.exports = {
  ...base,
  roots: ["<rootDir>/__tests__/packages"],
  testPathIgnorePatterns: ["/node_modules/"],
  globalSetup: "<rootDir>/tools/packages/before-tests.js",
  testTimeout: 180_000,
};
