const { execFileSync } = require("node:child_process");
const { join } = require("node:path");

/** What is in dist/ may be missing, as in a fresh checkout, or out of date. */
module.exports = () => execFileSync(process.execPath, [join(__dirname, "build.mjs")], { stdio: "inherit" });
