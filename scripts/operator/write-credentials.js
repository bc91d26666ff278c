// The same as write-credentials.sh, for Windows, which has no sh. Node.js is there wherever CDKTF runs.
const { mkdirSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const { CREDENTIALS_DIRECTORY, CA_PEM, CLIENT_PEM, CLIENT_KEY_PEM, ETCDCTL_ENV } = process.env;
const files = {
  "ca.pem": CA_PEM,
  "client.pem": CLIENT_PEM,
  "client-key.pem": CLIENT_KEY_PEM,
  "etcdctl.env": ETCDCTL_ENV,
};

mkdirSync(CREDENTIALS_DIRECTORY, { recursive: true, mode: 0o700 });
const aside = join(CREDENTIALS_DIRECTORY, ".new");
rmSync(aside, { recursive: true, force: true });
mkdirSync(aside, { mode: 0o700 });
for (const [name, text] of Object.entries(files)) writeFileSync(join(aside, name), text, { mode: 0o600 });
for (const name of Object.keys(files)) renameSync(join(aside, name), join(CREDENTIALS_DIRECTORY, name));
rmSync(aside, { recursive: true });
