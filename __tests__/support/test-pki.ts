import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PEM texts made by openssl: a leaf and its key, its CA, and another CA that has nothing to do with them. */
export interface TestPki {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly otherCa: string;
  readonly otherKey: string;
}

export function makePki(): TestPki {
  const directory = mkdtempSync(join(tmpdir(), "cdktf-etcd-pki-"));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    for (const ca of ["ca", "otherCa"]) {
      openssl("req", "-x509", ...newKey, "-keyout", `${ca}.key`, "-out", ca, "-subj", `/CN=${ca}`, "-days", "2");
    }
    openssl("req", ...newKey, "-keyout", "key", "-out", "csr", "-subj", "/CN=k8s-etcd");
    openssl(
      "x509",
      "-req",
      "-in",
      "csr",
      "-CA",
      "ca",
      "-CAkey",
      "ca.key",
      "-set_serial",
      "7",
      "-out",
      "cert",
      "-days",
      "1",
    );
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "otherKey");
    const read = (name: string) => readFileSync(join(directory, name), "utf8");
    return {
      ca: read("ca"),
      cert: read("cert"),
      key: read("key"),
      otherCa: read("otherCa"),
      otherKey: read("otherKey"),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Text as the provisioners hand it over. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
