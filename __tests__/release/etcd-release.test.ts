import { withoutLogin } from "../../src/release/url-login";
import { EtcdRelease } from "../../src/release/etcd-release";

const AMD64 = "a".repeat(64);
const ARM64 = "b".repeat(64);

test("a GitHub release has the URL layout of GitHub", () => {
  const release = EtcdRelease.github();
  expect(release._archiveUrl("3.6.14", "arm64")).toBe(
    "https://github.com/etcd-io/etcd/releases/download/v3.6.14/etcd-v3.6.14-linux-arm64.tar.gz",
  );
  expect(release._archivePath).toBeUndefined();
});

test("a mirror has the same layout, with or without a trailing slash", () => {
  for (const url of ["https://mirror.example/etcd", "https://mirror.example/etcd/"]) {
    expect(EtcdRelease.mirror(url)._archiveUrl("3.4.23", "amd64")).toBe(
      "https://mirror.example/etcd/v3.4.23/etcd-v3.4.23-linux-amd64.tar.gz",
    );
  }
});

test("a user and a password are removed from a URL, and nothing else is", () => {
  expect(withoutLogin("https://user:p@ss@mirror.example:8443/etcd/@x")).toBe("https://mirror.example:8443/etcd/@x");
  expect(withoutLogin("http://user:${TfToken[TOKEN.1]}@mirror.example")).toBe("http://mirror.example");
  for (const url of ["https://mirror.example/etcd@2", "https://${TfToken[TOKEN.1]}/etcd", ""]) {
    expect(withoutLogin(url)).toBe(url);
  }
});

test("a local archive has a path and no URL", () => {
  const release = EtcdRelease.localArchive("downloads/etcd.tar.gz");
  expect(release._archivePath).toBe("downloads/etcd.tar.gz");
  expect(release._archiveUrl("3.6.14", "amd64")).toBeUndefined();
});

test("a known version has a digest for each architecture", () => {
  expect(EtcdRelease.github()._digests("3.6.14")).toEqual({
    amd64: "ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5",
    arm64: "fa1b80565ee6fc2df1ae6f57a508b221f3ecc7d591c317c581cd8281b0842b3e",
  });
});

test("a digest that the user gives takes precedence, for its architecture only", () => {
  const known = EtcdRelease.github()._digests("3.6.14");
  expect(EtcdRelease.mirror("https://mirror.example", { sha256: AMD64 })._digests("3.6.14")).toEqual({
    amd64: AMD64,
    arm64: known.arm64,
  });
  expect(EtcdRelease.github({ sha256Arm64: ARM64 })._digests("3.6.14")).toEqual({ amd64: known.amd64, arm64: ARM64 });
});

test("the digest of a local archive applies to both architectures", () => {
  expect(EtcdRelease.localArchive("etcd.tar.gz", { sha256: AMD64 })._digests("3.6.14")).toEqual({
    amd64: AMD64,
    arm64: AMD64,
  });
});

test("an unknown version has no digests", () => {
  expect(EtcdRelease.github()._digests("3.9.0")).toEqual({ amd64: undefined, arm64: undefined });
});
