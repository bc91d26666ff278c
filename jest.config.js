/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/__tests__"],
  testMatch: ["**/*.test.ts"],
  // The scenarios on real hosts are run with jest.lab.config.js only, the tests of packages with jest.packages.config.js.
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/__tests__/(lab|packages)/"],
  // The examples import the package from the checkout, without a build; packages/ tests what is published.
  moduleNameMapper: { "^cdktf-etcd$": "<rootDir>/src/index.ts" },
  // swc removes types without checking them; `npm run typecheck` checks them.
  transform: { "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" } }] },
};
