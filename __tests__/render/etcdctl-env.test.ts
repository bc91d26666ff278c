import { execFileSync } from "node:child_process";
import { renderEtcdctlEnv } from "../../src/render/etcdctl-env";
import { PEER_CERTIFICATE_FILES } from "../../src/render/layout";
import { runbookWith } from "../support/settings";

const render = (version: string) =>
  renderEtcdctlEnv(runbookWith({ version }), "/opt/etcd/certs", PEER_CERTIFICATE_FILES);

test("the file for etcd 3.4 or later has exactly this text", () => {
  expect(render("3.6.14"))
    .toBe(`ETCDCTL_ENDPOINTS='https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'
ETCDCTL_CACERT='/opt/etcd/certs/ca.pem'
ETCDCTL_CERT='/opt/etcd/certs/etcd-peer.pem'
ETCDCTL_KEY='/opt/etcd/certs/etcd-peer-key.pem'
export ETCDCTL_ENDPOINTS ETCDCTL_CACERT ETCDCTL_CERT ETCDCTL_KEY
: "\${NO_PROXY:=\${no_proxy:-}}"
NO_PROXY='10.4.7.12,10.4.7.21,10.4.7.22'"\${NO_PROXY:+,$NO_PROXY}"
no_proxy=$NO_PROXY
export NO_PROXY no_proxy
`);
});

test("the file for etcd up to 3.3 also chooses the v3 API and has the credentials for the v2 commands", () => {
  expect(render("3.1.20"))
    .toBe(`ETCDCTL_ENDPOINTS='https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'
ETCDCTL_CACERT='/opt/etcd/certs/ca.pem'
ETCDCTL_CERT='/opt/etcd/certs/etcd-peer.pem'
ETCDCTL_KEY='/opt/etcd/certs/etcd-peer-key.pem'
ETCDCTL_API='3'
ETCDCTL_CA_FILE='/opt/etcd/certs/ca.pem'
ETCDCTL_CERT_FILE='/opt/etcd/certs/etcd-peer.pem'
ETCDCTL_KEY_FILE='/opt/etcd/certs/etcd-peer-key.pem'
export ETCDCTL_ENDPOINTS ETCDCTL_CACERT ETCDCTL_CERT ETCDCTL_KEY ETCDCTL_API ETCDCTL_CA_FILE ETCDCTL_CERT_FILE ETCDCTL_KEY_FILE
: "\${NO_PROXY:=\${no_proxy:-}}"
NO_PROXY='10.4.7.12,10.4.7.21,10.4.7.22'"\${NO_PROXY:+,$NO_PROXY}"
no_proxy=$NO_PROXY
export NO_PROXY no_proxy
`);
});

test("on a host, where no login has etcdctl in its PATH, sourcing the file puts it there, before another one", () => {
  const env = renderEtcdctlEnv(runbookWith({}), "/opt/etcd/certs", PEER_CERTIFICATE_FILES, "/opt/etcd");
  const sourced = execFileSync("sh", ["-euc", 'PATH=/usr/bin:/bin; eval "$(cat)"; env'], {
    input: env,
    encoding: "utf8",
  });
  expect(sourced).toContain("PATH=/opt/etcd:/usr/bin:/bin\n");
});

test("sourcing the file exports the variables to etcdctl", () => {
  const sourced = execFileSync("sh", ["-c", 'eval "$(cat)"; env'], { input: render("3.6.14"), encoding: "utf8" });
  expect(sourced).toContain("ETCDCTL_KEY=/opt/etcd/certs/etcd-peer-key.pem\n");
});

test.each([
  ["", "10.4.7.12,10.4.7.21,10.4.7.22"],
  ["no_proxy=.example.org; ", "10.4.7.12,10.4.7.21,10.4.7.22,.example.org"],
  ["NO_PROXY=10.0.0.0/8; no_proxy=.old; ", "10.4.7.12,10.4.7.21,10.4.7.22,10.0.0.0/8"],
])("the members bypass the machine's proxy, and existing exceptions are kept (%s)", (given, bypassed) => {
  const sourced = execFileSync("sh", ["-euc", `unset NO_PROXY no_proxy; ${given}eval "$(cat)"; env`], {
    input: render("3.6.14"),
    encoding: "utf8",
  });
  expect(sourced).toContain(`NO_PROXY=${bypassed}\n`);
  expect(sourced).toContain(`no_proxy=${bypassed}\n`);
});
