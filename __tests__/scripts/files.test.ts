import { readdirSync, readlinkSync, statSync } from "node:fs";
import type { Host } from "../support/host";
import { inEachShell, testAsRoot } from "../support/shells";

const mode = (host: Host, path: string) => (statSync(host.path(path)).mode & 0o7777).toString(8);
const owner = (host: Host, path: string) => (statSync(host.path(path)).uid === 0 ? "root" : "etcd's user");

/** Runs put_file in the background up to the middle of `./file`; it continues when descriptor 8 is closed. */
const HALF_WRITTEN = `
      mkfifo slow
      put_file ./file 644 "$ETCD_USER:$ETCD_USER" <slow &
      exec 8>slow
      printf ne >&8
      wait_until 5 test -s .file.aside`;

inEachShell((newHost) => {
  test("put_file writes its standard input to a file with the given mode and leaves no other file behind", () => {
    const host = newHost();
    host.write("/files/old", "");
    const run = host.call(`printf 'a\\nb' | put_file "${host.path("/files/key.pem")}" 600 "$ETCD_USER:$ETCD_USER"`);
    expect(run).toEqual({ code: 0, lines: [] });
    expect(host.read("/files/key.pem")).toBe("a\nb");
    expect(mode(host, "/files/key.pem")).toBe("600");
    expect(readdirSync(host.path("/files"))).toEqual(["key.pem", "old"]);
  });

  test("files and directories are created with their final mode, because a umask has no effect with a default access control list", () => {
    const host = newHost();
    const run = host.call(`
      umask 000
      umask() { :; }
      cd "${host.path("/home")}"
      ${HALF_WRITTEN}
      stat -c %a .file.aside
      exec 8>&-
      wait
      make_directory "${host.path("/home/made")}"
      private_directory "${host.path("/home/private")}"
      stat -c %a made private`);
    expect(run.lines).toEqual(["600", "755", "700"]);
  });

  testAsRoot("put_file gives the file to the given owner", () => {
    const host = newHost();
    host.call(`: | put_file "${host.path("/home/theirs")}" 644 "$ETCD_USER:$ETCD_USER"`);
    host.call(`: | put_file "${host.path("/home/ours")}" 644 root:root`);
    expect([owner(host, "/home/theirs"), owner(host, "/home/ours")]).toEqual(["etcd's user", "root"]);
  });

  test("put_file never lets others read a secret, not even while it is being written", () => {
    const host = newHost();
    host.call(`
      cd "${host.path("/home")}"
      mkfifo slow
      umask 022
      put_file ./key.pem 600 "$ETCD_USER:$ETCD_USER" <slow &
      exec 8>slow
      printf se >&8
      wait_until 5 test -s .key.pem.aside
      stat -c %a .key.pem.aside >seen
      printf cret >&8
      exec 8>&-
      wait`);
    expect(host.read("/home/seen")).toBe("600\n");
    expect(host.read("/home/key.pem")).toBe("secret");
  });

  test("a put_file that is killed leaves the old file intact, and can run again", () => {
    const host = newHost();
    host.write("/home/file", "old");
    const run = host.call(`
      cd "${host.path("/home")}"
      ${HALF_WRITTEN}
      kill -9 $!
      exec 8>&-
      wait $! || echo killed
      cat file; echo
      printf new | put_file ./file 644 "$ETCD_USER:$ETCD_USER"
      cat file; echo
      ls -A | grep -v "^run-"`);
    expect(run.lines.filter((line) => !/Killed/.test(line))).toEqual(["killed", "old", "new", "file", "slow"]);
  });

  test("put_file brings a file to the disk before it gives it its name, because it could be empty after a power cut", () => {
    const host = newHost();
    for (const command of ["dd", "mv"]) {
      host.stub(
        command,
        `echo ${command} "$@" >>'${host.path("/home/order")}'; exec '${host.path(`/bin/${command}`)}' "$@"`,
      );
    }
    host.call(
      `cd "${host.path("/home")}"; put_file ./one 644 root:root text; echo text | put_file ./two 644 root:root`,
    );
    expect(host.read("/home/order").split("\n")).toEqual([
      expect.stringMatching(/^dd of=\.\/\.one\.aside .*conv=fsync/),
      "mv -fT ./.one.aside ./one",
      expect.stringMatching(/^dd of=\.\/\.two\.aside .*conv=fsync/),
      "mv -fT ./.two.aside ./two",
      "",
    ]);
    expect(host.read("/home/one") + host.read("/home/two")).toBe("text\ntext\n");
  });

  test("put_link replaces a link in one step, even a link to a directory", () => {
    const host = newHost();
    host.write("/opt/one/x", "");
    host.write("/opt/two/x", "");
    const link = host.path("/opt/link");
    host.call(`put_link one "${link}"; put_link two "${link}"`);
    expect(readlinkSync(link)).toBe("two");
    expect(readdirSync(host.path("/opt/one"))).toEqual(["x"]);
    expect(readdirSync(host.path("/opt")).sort()).toEqual(["link", "one", "two"]);
  });

  test("put_directory sets the mode of an existing directory and keeps its contents", () => {
    const host = newHost();
    host.write("/data/etcd/member/wal/0.wal", "");
    host.call(`put_directory "$DATA_DIR" 700`);
    expect(mode(host, "/data/etcd")).toBe("700");
    expect(host.has("/data/etcd/member/wal/0.wal")).toBe(true);
  });

  testAsRoot("put_directory gives the directory to etcd's user, but none of its parents", () => {
    const host = newHost();
    const run = host.call(`umask 022; put_directory "${host.path("/data/missing/etcd")}" 700`);
    expect(run).toEqual({ code: 0, lines: [] });
    expect([mode(host, "/data/missing/etcd"), owner(host, "/data/missing/etcd")]).toEqual(["700", "etcd's user"]);
    expect([mode(host, "/data/missing"), owner(host, "/data/missing")]).toEqual(["755", "root"]);
  });

  test("private_directory makes a new or existing directory accessible only to its user", () => {
    const host = newHost();
    host.write("/home/there/x", "");
    host.call(`cd "${host.path("/home")}"; private_directory ./there; private_directory ./new/inner`);
    expect([mode(host, "/home/there"), mode(host, "/home/new"), mode(host, "/home/new/inner")]).toEqual([
      "700",
      "700",
      "700",
    ]);
  });

  test("decode decodes base64 byte for byte", () => {
    const text = "line\n'\"$`\\ é\n";
    const encoded = Buffer.from(text).toString("base64");
    expect(newHost().call(`decode '${encoded}'`).lines).toEqual(["line", "'\"$`\\ é"]);
  });
});
