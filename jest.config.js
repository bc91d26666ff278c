/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/__tests__"],
  testMatch: ["**/*.test.ts"],
  // The scenarios on real hosts run by jest.lab.config.js only.
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/__tests__/lab/"],
  // The examples as they are in a checkout, without a build; what is published is tested by package.test.ts.
  moduleNameMapper: { "^cdktf-etcd$": "<rootDir>/src/index.ts" },
  // swc drops types instead of checking them: `npm run typecheck` checks.
  transform: { "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" } }] },
};
