import { chownSync, linkSync, lstatSync, rmSync, symlinkSync } from "node:fs";
import type { Host } from "../support/host";
import { runningHost } from "../support/phases";
import { inEachShell, testAsRoot } from "../support/shells";

inEachShell((newHost) => {
  /** A host as an older version of this package left it, where everything belongs to etcd's user. */
  function olderHost(): { host: Host; etcd: number } {
    const host = newHost();
    runningHost(host);
    const etcd = Number(host.call('id -u "$ETCD_USER"').lines.join());
    host.call('chown -hR "$ETCD_USER:" "$INSTALL_ROOT/etcd-v$VERSION" "$LOG_DIR" "$(dirname "$DATA_DIR")"');
    return { host, etcd };
  }
  const owner = (host: Host, path: string) => lstatSync(host.path(path)).uid;

  testAsRoot(
    "what root uses is given back to root, but the data, the key and the running binaries stay with etcd's user",
    () => {
      const { host, etcd } = olderHost();
      expect(host.call("check_places").lines).toEqual([]);
      expect(host.call("take_over")).toEqual({
        code: 0,
        lines: [
          "a on host-a: test: /data now belongs to root, like everything else that root uses",
          "a on host-a: test: /data/logs now belongs to root, like everything else that root uses",
          "a on host-a: test: /opt/etcd-v3.6.14 now belongs to root, like everything else that root uses",
        ],
      });
      const etcds = ["/data/etcd", "/opt/etcd-v3.6.14/certs.0/etcd-peer-key.pem", "/opt/etcd-v3.6.14/etcdctl"];
      expect(etcds.map((path) => owner(host, path))).toEqual(etcds.map(() => etcd));
      const roots = [
        "/data",
        "/data/logs",
        "/data/logs/etcd.log",
        "/opt/etcd-v3.6.14",
        "/opt/etcd-v3.6.14/certs",
        "/opt/etcd-v3.6.14/certs.0",
        "/opt/etcd-v3.6.14/certs.0/ca.pem",
        "/opt/etcd-v3.6.14/etcd-server-startup.sh",
      ];
      expect(roots.filter((path) => owner(host, path) !== 0)).toEqual([]);
      // A second run has nothing left to do.
      expect(host.call("take_over").lines).toEqual([]);
    },
  );

  testAsRoot("a link to a directory of certificates is not followed", () => {
    const { host } = olderHost();
    host.write("/srv/private/ca.pem", "secret", 0o600);
    chownSync(host.path("/srv/private/ca.pem"), 12345, 12345);
    symlinkSync(host.path("/srv/private"), host.path("/opt/etcd-v3.6.14/certs.x"));
    host.call("take_over");
    const { uid, mode } = lstatSync(host.path("/srv/private/ca.pem"));
    expect([uid, mode & 0o777]).toEqual([12345, 0o600]);
  });

  testAsRoot("root does not follow symbolic or hard links that etcd's user has left", () => {
    const { host, etcd } = olderHost();
    host.write("/srv/victim", "whole");
    chownSync(host.path("/srv/victim"), 12345, 12345);
    const before = lstatSync(host.path("/srv/victim"));
    symlinkSync(host.path("/srv/victim"), host.path("/data/logs/etcd.log.1"));
    linkSync(host.path("/srv/victim"), host.path("/data/logs/etcd.log.2"));
    symlinkSync(host.path("/srv"), host.path("/opt/etcd-v3.6.14/Documentation"));
    symlinkSync(host.path("/srv/victim"), host.path("/opt/etcd-v3.6.14/etcd-server.ini.next"));
    chownSync(host.path("/opt/etcd-v3.6.14"), etcd, etcd);
    host.call("take_over");
    const after = lstatSync(host.path("/srv/victim"));
    expect([after.uid, after.mode, host.read("/srv/victim")]).toEqual([before.uid, before.mode, "whole"]);
    expect(host.list("/data/logs")).toEqual(["etcd.log"]);
    expect(host.list("/opt/etcd-v3.6.14")).not.toContain("etcd-server.ini.next");
  });

  testAsRoot("another name of somebody's file is removed from a version, and neither given to root nor copied", () => {
    const { host } = olderHost();
    const names = ["etcdctl.env", "README.md", "certs.0/ca.pem"];
    for (const [i, name] of names.entries()) {
      host.write(`/srv/${i}`, "secret", 0o620);
      chownSync(host.path(`/srv/${i}`), i === 0 ? 0 : 12345, 12345);
      rmSync(host.path(`/opt/etcd-v3.6.14/${name}`), { force: true });
      linkSync(host.path(`/srv/${i}`), host.path(`/opt/etcd-v3.6.14/${name}`));
    }
    host.call("take_over");
    expect(names.filter((name) => host.has(`/opt/etcd-v3.6.14/${name}`))).toEqual([]);
    expect(names.map((_, i) => lstatSync(host.path(`/srv/${i}`))).map(({ uid, mode }) => [uid, mode & 0o777])).toEqual([
      [0, 0o620],
      [12345, 0o620],
      [12345, 0o620],
    ]);
  });

  testAsRoot(
    "without this package's mark the owner of a directory is not changed, and the directory is refused",
    () => {
      const host = newHost();
      host.write("/data/logs/theirs", "");
      host.call('chown "$ETCD_USER:" "$LOG_DIR"');
      expect(host.call("take_over; check_places").lines).toEqual([
        expect.stringMatching(
          /^a on host-a: test refused: paths\.logDir: \/data\/logs can be changed by users other than root /,
        ),
      ]);
    },
  );
});
