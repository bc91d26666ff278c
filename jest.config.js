/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/__tests__"],
  testMatch: ["**/*.test.ts"],
  // The scenarios on real hosts are run with jest.lab.config.js only.
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/__tests__/lab/"],
  // The examples import the package from the checkout, without a build; package.test.ts tests what is published.
  moduleNameMapper: { "^cdktf-etcd$": "<rootDir>/src/index.ts" },
  // swc removes types without checking them; `npm run typecheck` checks them.
  transform: { "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" } }] },
};
