import { X509Certificate } from "node:crypto";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { installBinaries } from "../support/fake-etcd";
import type { Host, HostOptions } from "../support/host";
import { inEachShell } from "../support/shells";
import { base64, makePki } from "../support/test-pki";

const pki = makePki();
const INBOX_KEY = "/home/.cdktf-etcd/a/etcd-peer-key.pem";
const CERTS = "/opt/etcd-v3.6.14/certs";

/** Uploads a key as Terraform does, and installs it with a leaf and a CA. */
function install(host: Host, { ca = pki.ca, cert = pki.cert, key = pki.key } = {}) {
  host.write(INBOX_KEY, key);
  return host.call("install_certificates", { CA_PEM_BASE64: base64(ca), LEAF_PEM_BASE64: base64(cert) });
}

const mode = (host: Host, path: string) => (statSync(host.path(path)).mode & 0o777).toString(8);

inEachShell((newHost) => {
  function preparedHost(options?: HostOptions) {
    const host = newHost(options);
    installBinaries(host);
    return host;
  }

  test("the CA, the leaf and the key are installed behind one link, and only etcd's user can read the key", () => {
    const host = preparedHost();
    expect(install(host)).toEqual({
      code: 0,
      lines: ["a on host-a: test: installed the certificates in /opt/etcd-v3.6.14/certs"],
    });
    expect(readlinkSync(host.path(CERTS))).toMatch(/^certs\.[0-9a-f]{16}$/);
    expect(
      [`${CERTS}/ca.pem`, `${CERTS}/etcd-peer.pem`, `${CERTS}/etcd-peer-key.pem`].map((path) => host.read(path)),
    ).toEqual([pki.ca, pki.cert, pki.key]);
    expect(readdirSync(host.path(CERTS)).map((file) => [file, mode(host, `${CERTS}/${file}`)])).toEqual([
      ["ca.pem", "644"],
      ["etcd-peer-key.pem", "600"],
      ["etcd-peer.pem", "644"],
    ]);
    expect(statSync(host.path(`${CERTS}/etcd-peer-key.pem`)).uid).not.toBe(process.getuid?.() === 0 ? 0 : -1);
  });

  test.each(["ca.pem", "etcd-peer.pem", "etcd-peer-key.pem"])(
    "a set whose %s is empty, as after a power cut, is installed again",
    (file) => {
      const host = preparedHost();
      install(host);
      host.write(`${CERTS}/${file}`, "");
      expect(install(host)).toEqual({
        code: 0,
        lines: ["a on host-a: test: installed the certificates in /opt/etcd-v3.6.14/certs"],
      });
      expect(host.read(`${CERTS}/${file}`)).toMatch(/^-----BEGIN/);
    },
  );

  test("the key is deleted from the inbox, and so is an inbox that contained nothing else", () => {
    const host = preparedHost();
    install(host);
    expect(host.has("/home/.cdktf-etcd")).toBe(false);
  });

  test("the end of a served certificate is its CA's end if that comes first, whatever other CAs are trusted", () => {
    const host = preparedHost();
    install(host, { ca: pki.otherCa + pki.ca });
    const end = (leaf: string) => {
      host.write("/served.pem", leaf);
      return host.call(`certificate_end "$(cat '${host.path("/served.pem")}')"`).lines;
    };
    const inDays = (days: number) => [
      `to ${new Date(Date.parse(new X509Certificate(pki.cert).validTo) + (days - 1) * 86_400_000).toISOString().slice(0, 10)}`,
    ];
    expect(end(pki.cert)).toEqual(inDays(1));
    expect(end(pki.outliving.cert)).toEqual(inDays(2));
    expect(end("")).toEqual(["-"]);
  });

  test("the inbox of another member on the same host is kept", () => {
    const host = preparedHost();
    host.write("/home/.cdktf-etcd/other/etcd-peer-key.pem", "theirs");
    install(host);
    expect(readdirSync(host.path("/home/.cdktf-etcd"))).toEqual(["other"]);
  });

  test("installing the same certificates again changes nothing but still empties the inbox", () => {
    const host = preparedHost();
    install(host);
    const before = statSync(host.path(`${CERTS}/etcd-peer.pem`)).ino;
    expect(install(host)).toEqual({ code: 0, lines: [] });
    expect(statSync(host.path(`${CERTS}/etcd-peer.pem`)).ino).toBe(before);
    expect(host.has(INBOX_KEY)).toBe(false);
  });

  test("new certificates replace the link, and the old set is deleted", () => {
    const host = preparedHost();
    install(host);
    const old = readlinkSync(host.path(CERTS));
    const renewed = makePki();
    expect(install(host, renewed).code).toBe(0);
    expect(readlinkSync(host.path(CERTS))).not.toBe(old);
    expect(host.read(`${CERTS}/etcd-peer-key.pem`)).toBe(renewed.key);
    expect(host.has(`/opt/etcd-v3.6.14/${old}`)).toBe(false);
  });

  test.each([
    [
      "a key that does not belong to the certificate",
      { key: pki.other.key },
      "a on host-a: test failed: the private key does not belong to the certificate; to do: apply again",
    ],
    [
      "a leaf of another CA",
      { ca: pki.otherCa },
      "a on host-a: test failed: the certificate of this member does not verify against its CA: unable to get local issuer certificate; to do: import the certificate that belongs to the CA's private key: it is not among those in CertificateAuthority.fromPem",
    ],
  ])("%s is never installed, and the old set stays in place", (_, wrong, line) => {
    const host = preparedHost();
    install(host);
    const before = readlinkSync(host.path(CERTS));
    const run = install(host, wrong);
    expect(run.code).toBe(1);
    expect(run.lines.at(-1)).toEqual(line);
    expect(readlinkSync(host.path(CERTS))).toBe(before);
    expect(host.read(`${CERTS}/etcd-peer-key.pem`)).toBe(pki.key);
  });

  test("a key that was not uploaded is a failure", () => {
    const host = preparedHost();
    expect(install(host, { key: "" })).toEqual({
      code: 1,
      lines: [
        "a on host-a: test failed: no private key in /home/.cdktf-etcd/a: another deploy has staged this member in the meantime, or the upload was interrupted; to do: apply again",
      ],
    });
    expect(host.has(CERTS)).toBe(false);
  });

  test("a run that was killed before it replaced the link is completed by the next run", () => {
    const host = preparedHost();
    // The rename replaces the link. The run is killed right there, when everything else is done.
    host.stub("mv", `case "$*" in *.certs.aside*) kill -9 $PPID ;; *) exec '${host.path("/bin/mv")}' "$@" ;; esac`);
    expect(install(host).code).not.toBe(0);
    expect(host.has(CERTS)).toBe(false);
    host.unstub("mv");
    expect(install(host).code).toBe(0);
    expect(host.read(`${CERTS}/etcd-peer-key.pem`)).toBe(pki.key);
    expect(readdirSync(host.path("/opt/etcd-v3.6.14")).filter((file) => file.includes("certs"))).toEqual([
      "certs",
      readlinkSync(host.path(CERTS)),
    ]);
  });

  test("the old key of a run that was killed after it replaced the link is deleted by the next run", () => {
    const host = preparedHost();
    install(host);
    const old = readlinkSync(host.path(CERTS));
    const renewed = makePki();
    host.stub("rm", `case "$*" in *${old}) kill -9 $PPID ;; *) exec '${host.path("/bin/rm")}' "$@" ;; esac`);
    expect(install(host, renewed).code).not.toBe(0);
    expect(readlinkSync(host.path(CERTS))).not.toBe(old);
    host.unstub("rm");
    expect(install(host, renewed).code).toBe(0);
    expect(host.list("/opt/etcd-v3.6.14").filter((file) => file.includes("certs"))).toEqual([
      "certs",
      readlinkSync(host.path(CERTS)),
    ]);
  });
});
