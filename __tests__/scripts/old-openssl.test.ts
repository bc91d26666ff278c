import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import type { Host } from "../support/host";
import { inEachShell } from "../support/shells";
import { makePki, type TestLeaf } from "../support/test-pki";

const pki = makePki();
const VERSIONED = "/opt/etcd-v3.6.14";

/** A port of 127.0.0.1 at which nothing listens. */
function freePort(): number {
  const program =
    'require("net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port); this.close(); })';
  return Number(execFileSync(process.execPath, ["-e", program], { encoding: "utf8" }));
}

/**
 * Makes the host's openssl behave as version 1.0.2 of RHEL 7: s_client returns an error of the verification only if it
 * was asked to verify.
 */
function haveOldOpenssl(host: Host): void {
  host.stub(
    "openssl",
    `case " $* " in
  *" version "*) echo "OpenSSL 1.0.2k-fips  26 Jan 2017" && exit ;;
  *" -verify "*) ;;
  " s_client "*)
    for argument do
      shift
      [ "$argument" = -verify_return_error ] || set -- "$@" "$argument"
    done
    ;;
esac
exec '${host.path("/bin/openssl")}' "$@"`,
  );
}

inEachShell((newHost) => {
  describe.each(["as it is here", "1.0.2"])("openssl %s", (version) => {
    /** A host that has this CA, and a server that presents this leaf; runs text that may ask it, at `$url`. */
    function ask(text: string, leaf: TestLeaf, ca = pki.ca): string[] {
      const host = newHost();
      if (version === "1.0.2") haveOldOpenssl(host);
      const port = freePort();
      host.write("/www/leaf.pem", leaf.cert);
      host.write("/www/key.pem", leaf.key);
      // OpenSSL's server sends a file as it is.
      host.write("/www/answer", "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nthe end");
      host.write(`${VERSIONED}/etcdctl`, "", 0o755);
      symlinkSync(host.path(VERSIONED), host.path("/opt/etcd"));
      for (const [file, pem] of [
        ["ca", ca],
        ["etcd-peer", pki.cert],
        ["etcd-peer-key", pki.key],
      ])
        host.write(`${VERSIONED}/certs/${file}.pem`, pem);
      const server = `cd ${host.path("/www")} && exec timeout 20 ${host.path("/bin/openssl")} s_server -HTTP -quiet -accept 127.0.0.1:${port} -cert leaf.pem -key key.pem`;
      return host.call(
        `(${server} >/dev/null 2>&1) & server=$!
url=https://127.0.0.1:${port}
wait_until 5 accepts_connections "$url" || echo "no server"
${text}
kill "$server"`,
      ).lines;
    }

    test("an answer over HTTPS is believed only if the CAs here verify the server", () => {
      const get = "https_get $url /answer";
      expect(ask(get, pki).join("\n")).toMatch(/the end/);
      const refused = ask(get, pki.other).join("\n");
      expect(refused).toMatch(/verify error/);
      expect(refused).not.toMatch(/the end/);
    });

    test("a snapshot is taken only from the host whose address is in the certificate", () => {
      const get = "offer=$url; get_offered answer || echo refused";
      expect(ask(get, pki.withNames, pki.withNames.cert).join("\n")).toMatch(/the end/);
      expect(ask(get, pki)).toEqual(["refused"]);
    });
  });

  test.each([
    ["OpenSSL 1.0.2k-fips  26 Jan 2017", "2384"],
    ["OpenSSL 1.1.1k  FIPS 25 Mar 2021", "127.0.0.1:2384"],
    ["OpenSSL 3.0.17 1 Jul 2025 (Library: OpenSSL 3.0.17 1 Jul 2025)", "127.0.0.1:2384"],
  ])("%s offers a snapshot at %s", (version, place) => {
    const host = newHost();
    host.stub("openssl", `echo '${version}'`);
    expect(host.call("place_of_offer 127.0.0.1:2384").lines).toEqual([place]);
  });
});
