import { find, synthCluster } from "../support/synth";

const json = synthCluster({ operatorCredentials: { directory: "/home/ops/etcd" } });
const file = (name: string) => find(json, `local_sensitive_file.etcd_operator-credentials_${name}`);

test("nothing is written on the operator's machine unless asked for", () => {
  const { resource } = synthCluster();
  expect(resource.local_sensitive_file).toBeUndefined();
  expect(Object.keys(resource.tls_locally_signed_cert).filter((id) => id.includes("operator"))).toEqual([]);
});

test("CA, certificate, key and environment are the operator's alone", () => {
  const contents = {
    ca: ["ca.pem", "${tls_self_signed_cert.etcd_ca_cert.cert_pem}"],
    cert: ["client.pem", "${tls_locally_signed_cert.etcd_client_operator_cert.cert_pem}"],
    key: ["client-key.pem", "${tls_private_key.etcd_client_operator_key.private_key_pem}"],
    env: ["etcdctl.env", expect.any(String)],
  };
  expect(Object.keys(json.resource.local_sensitive_file)).toHaveLength(Object.keys(contents).length);
  for (const [name, [filename, content]] of Object.entries(contents)) {
    expect(file(name)).toEqual({
      filename: `/home/ops/etcd/${filename}`,
      content,
      file_permission: "0600",
      directory_permission: "0700",
    });
  }
});

test("the environment names the files absolutely, so that it can be sourced from anywhere", () => {
  expect(file("env").content).toBe(
    `ETCDCTL_ENDPOINTS='https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'
ETCDCTL_CACERT='\${abspath("/home/ops/etcd")}/ca.pem'
ETCDCTL_CERT='\${abspath("/home/ops/etcd")}/client.pem'
ETCDCTL_KEY='\${abspath("/home/ops/etcd")}/client-key.pem'
export ETCDCTL_ENDPOINTS ETCDCTL_CACERT ETCDCTL_CERT ETCDCTL_KEY
: "$\${NO_PROXY:=$\${no_proxy:-}}"
NO_PROXY='10.4.7.12,10.4.7.21,10.4.7.22'"$\${NO_PROXY:+,$NO_PROXY}"
no_proxy=$NO_PROXY
export NO_PROXY no_proxy
`,
  );
});

test("the certificate is a client's, with the name that the program gives", () => {
  const named = synthCluster({ operatorCredentials: { directory: "/home/ops/etcd", commonName: "alice" } });
  const subject = (stack: typeof json) => find(stack, "tls_cert_request.etcd_client_operator_request").subject;
  expect(subject(json)).toEqual([{ common_name: "etcd-operator" }]);
  expect(subject(named)).toEqual([{ common_name: "alice" }]);
  expect(find(json, "tls_locally_signed_cert.etcd_client_operator_cert").allowed_uses).toEqual([
    "client_auth",
    "digital_signature",
    "key_encipherment",
  ]);
});
