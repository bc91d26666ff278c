import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inEachShell } from "../support/shells";

/**
 * Kinds of CA that somebody may import, and what etcd makes of each. All of them were given to etcd 3.6.14 and its
 * etcdctl, which verify certificates with Go's crypto/x509. `ca` has the extensions of the CA that signs.
 */
interface Shape {
  readonly what: string;
  /** The openssl arguments that create the CA's key. */
  readonly key?: string;
  readonly ca: string;
  /** Whether the CA is signed by a root, which is among the CAs only if `bundle` has it. */
  readonly intermediate?: boolean;
  /** The CAs that the member gets, in this order. By default it gets only the CA that signs. */
  readonly bundle?: ("ca" | "root" | "other")[];
  readonly refused?: string;
}

const CA = "basicConstraints=critical,CA:TRUE";
const SIGNS = "keyUsage=critical,keyCertSign,cRLSign";
const EC = "ec -pkeyopt ec_paramgen_curve:prime256v1";

const SHAPES: Shape[] = [
  { what: "a root", ca: `${CA}\n${SIGNS}` },
  { what: "a root without keyUsage", ca: CA },
  { what: "a root of RSA", key: "rsa:2048", ca: `${CA}\n${SIGNS}` },
  { what: "a root of P-384", key: "ec -pkeyopt ec_paramgen_curve:secp384r1", ca: `${CA}\n${SIGNS}` },
  { what: "a root of Ed25519", key: "ed25519", ca: `${CA}\n${SIGNS}` },
  { what: "a root with a path length of 0", ca: `${CA},pathlen:0\n${SIGNS}` },
  { what: "a root without a subject key identifier", ca: `${CA}\nsubjectKeyIdentifier=none` },
  { what: "an intermediate alone", ca: `${CA}\n${SIGNS}`, intermediate: true },
  { what: "an intermediate alone, without keyUsage", ca: CA, intermediate: true },
  { what: "an intermediate alone, with a path length of 0", ca: `${CA},pathlen:0`, intermediate: true },
  { what: "an intermediate and its root", ca: CA, intermediate: true, bundle: ["ca", "root"] },
  { what: "a root, then its intermediate", ca: CA, intermediate: true, bundle: ["root", "ca"] },
  { what: "one of several CAs", ca: CA, bundle: ["other", "ca"] },
  {
    what: "a certificate that is not a CA",
    ca: "basicConstraints=CA:FALSE",
    intermediate: true,
    refused: "invalid CA certificate",
  },
  {
    what: "a CA that may not sign certificates",
    ca: `${CA}\nkeyUsage=cRLSign`,
    refused: "invalid CA certificate",
  },
  { what: "another CA", ca: CA, bundle: ["other"], refused: "unable to get local issuer certificate" },
];

const made = mkdtempSync(join(tmpdir(), "cdktf-etcd-shapes-"));
afterAll(() => rmSync(made, { recursive: true }));

/** The CAs and the leaf, in PEM. */
function make({ key = EC, ca, intermediate = false, bundle = ["ca"] }: Shape): { cas: string; leaf: string } {
  const openssl = (args: string) => execFileSync("openssl", args.split(" "), { cwd: made, stdio: "pipe" });
  const request = (name: string, newKey: string) =>
    openssl(`req -newkey ${newKey} -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
  const sign = (name: string, extensions: string, by?: string) => {
    writeFileSync(join(made, `${name}.ext`), `subjectKeyIdentifier=hash\n${extensions}\n`);
    const signer = by ? `-CA ${by} -CAkey ${by}.key` : `-signkey ${name}.key`;
    openssl(`x509 -req -in ${name}.csr ${signer} -set_serial 7 -out ${name} -days 2 -extfile ${name}.ext`);
  };
  for (const name of ["root", "other"]) {
    request(name, EC);
    sign(name, CA);
  }
  request("ca", key);
  sign("ca", ca, intermediate ? "root" : undefined);
  request("leaf", EC);
  sign("leaf", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth", "ca");
  const read = (name: string) => readFileSync(join(made, name), "utf8");
  return { cas: bundle.map(read).join(""), leaf: read("leaf") };
}

inEachShell((newHost) => {
  test.each(SHAPES)("chain_fault gives the same answer as etcd for $what", (shape) => {
    const { cas, leaf } = make(shape);
    const host = newHost();
    host.write("/cas.pem", cas);
    host.write("/leaf.pem", leaf);
    const fault = host.call(`chain_fault "$(cat '${host.path("/cas.pem")}')" "$(cat '${host.path("/leaf.pem")}')"`);
    expect(fault.code).toBe(0);
    if (shape.refused) expect(fault.lines.join()).toMatch(new RegExp(`^(${shape.refused})$`));
    else expect(fault.lines).toEqual([]);
  });
});
