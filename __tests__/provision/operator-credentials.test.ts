import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TerraformVariable } from "cdktf";
import { EtcdCluster } from "../../src/etcd-cluster";
import { RUNBOOK } from "../support/settings";
import { temporaryDirectory } from "../support/temporary-directory";
import { allDependencies, find, synth, synthCluster } from "../support/synth";

const json = synthCluster({ operatorCredentials: { directory: "/home/ops/etcd" } });
const FILES = "terraform_data.etcd_operator-credentials_files";
const RECORD = "local_file.etcd_operator-credentials_record";
const files = find(json, FILES);
const exec = (files.provisioner as unknown as { "local-exec": { [argument: string]: unknown } }[])[0]["local-exec"];

test("nothing is written to the operator's machine unless the program asks for it", () => {
  const { resource } = synthCluster();
  expect(JSON.stringify(resource)).not.toMatch(/local-exec|operator/);
});

test("the credentials are written after everything else and are not deleted before, so a refused deploy leaves the previous ones", () => {
  expect(files.depends_on).toEqual(["null_resource.etcd_health"]);
  expect(find(json, RECORD).depends_on).toEqual(["null_resource.etcd_health"]);
  expect(JSON.stringify(files.provisioner)).not.toMatch(/"when"/);
  expect(json.resource.local_sensitive_file).toBeUndefined();
});

test("the script that writes the credentials gets them in environment variables", () => {
  expect(exec.environment).toEqual({
    CREDENTIALS_DIRECTORY: "/home/ops/etcd",
    CA_PEM: "${tls_self_signed_cert.etcd_ca_cert.cert_pem}",
    CLIENT_PEM: "${tls_locally_signed_cert.etcd_client_operator_cert.cert_pem}",
    CLIENT_KEY_PEM: "${tls_private_key.etcd_client_operator_key.private_key_pem}",
    ETCDCTL_ENV: expect.stringContaining(
      `ETCDCTL_ENDPOINTS='https://10.4.7.12:2379,https://10.4.7.21:2379,https://10.4.7.22:2379'
ETCDCTL_CACERT='\${abspath("/home/ops/etcd")}/ca.pem'
ETCDCTL_CERT='\${abspath("/home/ops/etcd")}/client.pem'
ETCDCTL_KEY='\${abspath("/home/ops/etcd")}/client-key.pem'
`,
    ),
  });
});

test("the credentials are written again when one of them changes or a checkout lacks them, and the triggers contain no secret", () => {
  expect(files.triggers_replace).toEqual({
    directory: "/home/ops/etcd",
    ca_sha256: "${sha256(tls_self_signed_cert.etcd_ca_cert.cert_pem)}",
    certificate_sha256: "${sha256(tls_locally_signed_cert.etcd_client_operator_cert.cert_pem)}",
    etcdctl_env_sha256: "${sha256(local.etcd_operator-credentials_env-text)}",
    record: `\${${RECORD}.id}`,
  });
  expect(find(json, RECORD)).toMatchObject({ filename: "/home/ops/etcd/.cdktf-etcd", file_permission: "0600" });
  expect(allDependencies(json, RECORD).filter((address) => address.startsWith("tls_private_key"))).not.toEqual([]);
  expect(JSON.stringify(find(json, RECORD))).not.toMatch(/private_key_pem/);
});

test("a directory that only Terraform knows may start with ~, and is that in the file with the environment, too", () => {
  const late = synth((stack) => {
    const directory = new TerraformVariable(stack, "directory", {}).stringValue;
    new EtcdCluster(stack, "etcd", { ...RUNBOOK, operatorCredentials: { directory } });
  });
  expect(find(late, RECORD).filename).toBe("${pathexpand(var.directory)}/.cdktf-etcd");
  expect(late.locals?.["etcd_operator-credentials_env-text"]).toContain(
    "ETCDCTL_CACERT='${abspath(pathexpand(var.directory))}/ca.pem'",
  );
});

const script = (name: string) => readFileSync(join("scripts", "operator", name), "utf8");

test("the script that writes the credentials is a file beside the synthesized stack", () => {
  expect(exec.command).toBe('${file("${path.module}/assets/etcd-host-scripts_files/operator/write-credentials.sh")}');
});

const WRITERS: [name: string, program: string, args: string[]][] = [
  ["sh", "/bin/sh", ["-c", script("write-credentials.sh")]],
  ["Node.js, on Windows", "node", ["-e", script("write-credentials.js")]],
];

test.each(WRITERS)(
  "%s writes the credentials for the operator only, creates the directory if needed and replaces the previous ones",
  (_, program, args) => {
    const directory = join(temporaryDirectoryPath, String(Math.random()), "credentials");
    const write = (generation: string) =>
      execFileSync(program, args, {
        env: {
          PATH: process.env.PATH,
          CREDENTIALS_DIRECTORY: directory,
          CA_PEM: `ca ${generation}\n`,
          CLIENT_PEM: `client ${generation}\n`,
          CLIENT_KEY_PEM: `key ${generation}\n`,
          ETCDCTL_ENV: `A='$x' %s ${generation}\n`,
        },
      });
    for (const generation of ["one", "two"]) {
      write(generation);
      expect(
        Object.fromEntries(readdirSync(directory).map((file) => [file, readFileSync(join(directory, file), "utf8")])),
      ).toEqual({
        "ca.pem": `ca ${generation}\n`,
        "client.pem": `client ${generation}\n`,
        "client-key.pem": `key ${generation}\n`,
        "etcdctl.env": `A='$x' %s ${generation}\n`,
      });
    }
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  },
);

const temporaryDirectoryPath = temporaryDirectory();

test.each(WRITERS)("%s writes the key to no file that somebody else has put in its way", (_, program, args) => {
  const directory = join(temporaryDirectoryPath, String(Math.random()));
  mkdirSync(join(directory, ".new"), { recursive: true });
  const traps = [".client-key.pem.new", ".new/client-key.pem", "client-key.pem"].map((name) =>
    openSync(join(directory, name), "w+"),
  );
  const content = { CA_PEM: "ca", CLIENT_PEM: "cert", CLIENT_KEY_PEM: "secret", ETCDCTL_ENV: "env" };
  execFileSync(program, args, { env: { PATH: process.env.PATH, CREDENTIALS_DIRECTORY: directory, ...content } });
  for (const trap of traps) {
    expect(readFileSync(trap, "utf8")).toBe("");
    closeSync(trap);
  }
  expect(readFileSync(join(directory, "client-key.pem"), "utf8")).toBe("secret");
  expect(statSync(join(directory, "client-key.pem")).mode & 0o777).toBe(0o600);
});

test("credentials that cannot be written leave the old file intact, and the last line says what to do", () => {
  const directory = join(temporaryDirectoryPath, "full");
  mkdirSync(join(directory, "client.pem"), { recursive: true });
  writeFileSync(join(directory, "client-key.pem"), "old\n");
  const content = { CA_PEM: "new\n", CLIENT_PEM: "new\n", CLIENT_KEY_PEM: "new\n", ETCDCTL_ENV: "new\n" };
  const { status, stderr } = spawnSync("/bin/sh", ["-c", script("write-credentials.sh")], {
    env: { PATH: process.env.PATH, CREDENTIALS_DIRECTORY: directory, ...content },
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toBe(
    `${directory}/client.pem is a directory\noperatorCredentials: the files in ${directory} are not the current ones, for the reason above; to do: correct that, or set operatorCredentials.directory to another directory, and apply again\n`,
  );
  expect(readFileSync(join(directory, "client-key.pem"), "utf8")).toBe("old\n");
});

test("the operator's certificate is a client certificate with the common name that the program gives", () => {
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
