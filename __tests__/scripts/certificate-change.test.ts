import { rmSync, symlinkSync } from "node:fs";
import { installBinaries } from "../support/fake-etcd";
import type { Host, Run } from "../support/host";
import { answerHandshakes, pid, runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";
import { base64, makePki, type TestLeaf } from "../support/test-pki";

const pki = makePki();
const VERSIONED = "/opt/etcd-v3.6.14";
const PENDING = "/var/lib/cdktf-etcd/a/restart-pending";
const said = (text: string) => `a on host-a: test: ${text}`;
const SERVED = said("both listeners serve the new certificate");

/** How new certificates reach a running etcd, which reads its leaf at each handshake and its CAs only at its start. */
inEachShell((newHost) => {
  function install(host: Host, { cert, key }: TestLeaf, bundle: string, facts = ""): Run {
    host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", key);
    return host.call(`${facts}wait_until() { shift; "$@"; }; install_certificates`, {
      CA_PEM_BASE64: base64(bundle),
      LEAF_PEM_BASE64: base64(cert),
    });
  }

  /** A host whose member runs with a leaf of the first CA and serves whatever leaf is installed. */
  function servingHost(): Host {
    const host = newHost();
    runningHost(host);
    answerHandshakes(host, `cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}'`);
    expect(install(host, pki, pki.ca).code).toBe(0);
    host.forgetCalls();
    return host;
  }

  const inUse = (host: Host, link = `${VERSIONED}/certs`) =>
    ["ca.pem", "etcd-peer.pem", "etcd-peer-key.pem"].map((file) => host.read(`${link}/${file}`));
  const sets = (host: Host, directory = VERSIONED) =>
    host.list(directory).filter((name) => /^certs\.[0-9a-f]{16}$/.test(name));
  const needsRestart = (host: Host) => host.call("needs_restart && echo yes || echo no").lines.join() === "yes";

  test("a new leaf is installed at once, is seen at both listeners and needs no restart", () => {
    const host = servingHost();
    const before = pid(host);
    expect(install(host, pki.renewed, pki.ca)).toEqual({
      code: 0,
      lines: [said("installed the certificates in /opt/etcd-v3.6.14/certs"), SERVED],
    });
    expect(inUse(host)).toEqual([pki.ca, pki.renewed.cert, pki.renewed.key]);
    expect(host.calls("openssl")).toEqual(["127.0.0.1:2379", "127.0.0.1:2380"]);
    expect(needsRestart(host)).toBe(false);
    expect(pid(host)).toBe(before);
    expect(sets(host)).toHaveLength(1);
  });

  test("installing the same leaf again checks no listener", () => {
    const host = servingHost();
    expect(install(host, pki, pki.ca)).toEqual({ code: 0, lines: [] });
    expect(host.calls("openssl")).toEqual([]);
  });

  testAsRoot("the key is given to another user of etcd, also if the leaf is the same", () => {
    const host = servingHost();
    host.call("supervisorctl stop a");
    expect(install(host, pki, pki.ca, "ETCD_USER=nobody; ").code).toBe(0);
    expect(host.call('stat -c %U "$CURRENT/certs/etcd-peer-key.pem"').lines).toEqual(["nobody"]);
  });

  test("a leaf that a listener never serves is a failure that names the listener", () => {
    const host = servingHost();
    host.write("/old.pem", pki.cert);
    answerHandshakes(
      host,
      `case $1 in *:2380) cat '${host.path("/old.pem")}' ;; *) cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}' ;; esac`,
    );
    // The second time, the leaf is installed already.
    for (const run of [install(host, pki.renewed, pki.ca), install(host, pki.renewed, pki.ca)]) {
      expect(run.code).toBe(1);
      expect(run.lines.at(-1)).toBe(
        "a on host-a: test failed: https://127.0.0.1:2380 does not serve the new certificate; to do: see /data/logs/etcd.log, and apply again",
      );
    }
    answerHandshakes(host, `cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}'`);
    expect(install(host, pki.renewed, pki.ca)).toEqual({ code: 0, lines: [SERVED] });
    expect(install(host, pki.renewed, pki.ca)).toEqual({ code: 0, lines: [] });
  });

  test("a listener that serves no certificate is not a failure, because the new leaf may be what brings the member back", () => {
    const host = servingHost();
    answerHandshakes(host, `case $1 in *:2379) ;; *) cat '${host.path("/opt/etcd/certs/etcd-peer.pem")}' ;; esac`);
    expect(install(host, pki.renewed, pki.ca)).toEqual({
      code: 0,
      lines: [
        said("installed the certificates in /opt/etcd-v3.6.14/certs"),
        said("no certificate is served at https://127.0.0.1:2379, so the new one could not be verified there"),
      ],
    });
  });

  test.each([pki, pki.renewed])(
    "an etcd that still runs with another paths.installRoot is asked for no leaf, be it new or not",
    (leaf) => {
      const host = servingHost();
      const moved = 'CURRENT=/srv/etcd VERSIONED=/srv/etcd-v3.6.14; mkdir -p "$VERSIONED"; ';
      // The second time, the first stage has ended before its rollout.
      for (const { cert, key } of [leaf, pki.outliving]) {
        expect(install(host, { cert, key }, pki.ca, moved.replace(/\/srv/g, host.path("/srv")))).toEqual({
          code: 0,
          lines: [expect.stringMatching(/installed the certificates in .*\/srv\/etcd-v3.6.14\/certs$/)],
        });
        if (!host.has("/srv/etcd")) symlinkSync("etcd-v3.6.14", host.path("/srv/etcd"));
      }
      expect(host.calls("openssl")).toEqual([]);
    },
  );

  test("a version that reads its leaf only when it starts needs a restart", () => {
    const host = servingHost();
    expect(install(host, pki.renewed, pki.ca, "RELOADS_LEAF=0; ").code).toBe(0);
    expect(host.calls("openssl")).toEqual([]);
    expect(host.has(PENDING)).toBe(true);
    expect(needsRestart(host)).toBe(true);
  });

  test("a stage that was killed as soon as it had installed such a leaf leaves the restart to the next one", () => {
    const host = servingHost();
    install(host, pki.renewed, pki.ca, "RELOADS_LEAF=0; drop_inbox() { kill -9 $$; }; ");
    expect(inUse(host)[1]).toBe(pki.renewed.cert);
    expect(install(host, pki.renewed, pki.ca, "RELOADS_LEAF=0; ").code).toBe(0);
    expect(needsRestart(host)).toBe(true);
  });

  test("a changed CA bundle waits for a restart, but the new leaf is installed at once beside the old CAs", () => {
    const host = servingHost();
    const bundle = pki.ca + pki.otherCa;
    expect(install(host, pki.renewed, bundle)).toEqual({
      code: 0,
      lines: [
        said("installed the certificates in /opt/etcd-v3.6.14/certs"),
        said("installed the certificates in /opt/etcd-v3.6.14/certs.next"),
        SERVED,
      ],
    });
    expect(inUse(host)).toEqual([pki.ca, pki.renewed.cert, pki.renewed.key]);
    expect(inUse(host, `${VERSIONED}/certs.next`)).toEqual([bundle, pki.renewed.cert, pki.renewed.key]);
    expect(needsRestart(host)).toBe(true);
    // Installing the same certificates again changes nothing.
    expect(install(host, pki.renewed, bundle)).toEqual({ code: 0, lines: [] });
    expect(sets(host)).toHaveLength(2);

    host.call("activate");
    expect(inUse(host)).toEqual([bundle, pki.renewed.cert, pki.renewed.key]);
    expect(host.has(`${VERSIONED}/certs.next`)).toBe(false);
    install(host, pki.renewed, bundle);
    expect(sets(host)).toHaveLength(1);
  });

  test("a bundle that is set back before the restart no longer needs one", () => {
    const host = servingHost();
    install(host, pki, pki.ca + pki.otherCa);
    expect(install(host, pki, pki.ca).code).toBe(0);
    expect(host.has(`${VERSIONED}/certs.next`)).toBe(false);
    expect(sets(host)).toHaveLength(1);
    expect(needsRestart(host)).toBe(false);
  });

  test("a leaf of a CA that the running etcd does not trust is never installed", () => {
    const host = servingHost();
    expect(install(host, pki.other, pki.ca + pki.otherCa).code).toBe(1);
    expect(inUse(host)).toEqual([pki.ca, pki.cert, pki.key]);
    expect(needsRestart(host)).toBe(false);
  });

  test("a member that does not run gets its new CAs at once", () => {
    const host = servingHost();
    host.call("supervisorctl stop a");
    expect(install(host, pki.other, pki.otherCa).code).toBe(0);
    expect(inUse(host)).toEqual([pki.otherCa, pki.other.cert, pki.other.key]);
    expect(host.calls("openssl")).toEqual([]);
  });

  describe("while an upgrade waits for its rollout", () => {
    const RUNNING = "/opt/etcd-v3.5.33";
    function upgrading(): Host {
      const host = servingHost();
      installBinaries(host, "3.5.33");
      host.call(`cp -a "$VERSIONED"/certs* '${host.path(RUNNING)}/'`);
      rmSync(host.path(`${VERSIONED}/certs`));
      return host;
    }

    test("the running version gets the new leaf too", () => {
      const host = upgrading();
      expect(install(host, pki.renewed, pki.ca).code).toBe(0);
      for (const directory of [RUNNING, VERSIONED]) {
        expect(inUse(host, `${directory}/certs`)).toEqual([pki.ca, pki.renewed.cert, pki.renewed.key]);
        expect(sets(host, directory)).toHaveLength(1);
      }
    });

    test("a changed CA bundle is installed for the new version only", () => {
      const host = upgrading();
      const bundle = pki.ca + pki.otherCa;
      expect(install(host, pki.renewed, bundle).code).toBe(0);
      expect(inUse(host, `${RUNNING}/certs`)).toEqual([pki.ca, pki.renewed.cert, pki.renewed.key]);
      expect(inUse(host)).toEqual([bundle, pki.renewed.cert, pki.renewed.key]);
      expect(host.has(`${VERSIONED}/certs.next`)).toBe(false);
    });
  });
});
