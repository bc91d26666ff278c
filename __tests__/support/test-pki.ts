import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestLeaf {
  readonly cert: string;
  readonly key: string;
}

/** PEM texts made by openssl: a leaf and its key, its CA, and another CA that has nothing to do with them. */
export interface TestPki extends TestLeaf {
  readonly ca: string;
  /** Another leaf of the same CA. */
  readonly renewed: TestLeaf;
  /** A leaf that is valid for longer than its CA. */
  readonly outliving: TestLeaf;
  readonly otherCa: string;
  /** A certificate for the host of member `a`: 127.0.0.1, fd00::12, host-a. */
  readonly withNames: TestLeaf;
  /** A leaf of the other CA. */
  readonly other: TestLeaf;
}

export function makePki(): TestPki {
  const directory = mkdtempSync(join(tmpdir(), "cdktf-etcd-pki-"));
  const openssl = (command: string) => execFileSync("openssl", command.split(" "), { cwd: directory, stdio: "pipe" });
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  const leaf = (name: string, ca: string, days = 1): TestLeaf => {
    openssl(`req ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=k8s-etcd`);
    openssl(`x509 -req -in ${name}.csr -CA ${ca} -CAkey ${ca}.key -set_serial 7 -out ${name} -days ${days}`);
    return { cert: read(name), key: read(`${name}.key`) };
  };
  try {
    for (const ca of ["ca", "otherCa"])
      openssl(`req -x509 ${newKey} -keyout ${ca}.key -out ${ca} -subj /CN=${ca} -days 2`);
    openssl(
      `req -x509 ${newKey} -keyout names.key -out names -subj /CN=k8s-etcd -days 2 -addext subjectAltName=DNS:host-a,IP:127.0.0.1,IP:fd00::12`,
    );
    return {
      withNames: { cert: read("names"), key: read("names.key") },
      ...leaf("leaf", "ca"),
      renewed: leaf("renewed", "ca"),
      outliving: leaf("outliving", "ca", 9),
      other: leaf("other", "otherCa"),
      ca: read("ca"),
      otherCa: read("otherCa"),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The text in the encoding in which the provisioners pass it on. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
