import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectHealthy, leftovers, MEMBERS, pids } from "./support/cluster";
import { HOSTS, Lab } from "./support/lab";
import { ownedByOthers, writableByOthers } from "./support/ownership";
import { Project } from "./support/project";
import type { Result } from "./support/run";
import { watchForSecrets } from "./support/secrets";

const TOP = join(__dirname, "..", "..");

/** main.ts has no backups, so with LAB_BACKUPS the scenarios' program stands for it. */
const PROGRAM = process.env.LAB_BACKUPS === "yes" ? join(__dirname, "support", "program.ts") : join(TOP, "main.ts");

/* `cdktf deploy` of main.ts runs once, on clean hosts. Each test checks a part of the result. */
describe("cdktf deploy of main.ts on three clean hosts", () => {
  let lab: Lab;
  let project: Project;
  let deployed: Result;
  let seen: string[];

  beforeAll(async () => {
    lab = await Lab.up("first");
    project = new Project(lab);
    const app = `node --import ${TOP}/node_modules/tsx/dist/loader.mjs ${PROGRAM}`;
    writeFileSync(
      join(project.directory, "cdktf.json"),
      JSON.stringify({ language: "typescript", app, projectId: "test", sendCrashReports: "false" }),
    );
    const watch = watchForSecrets();
    deployed = await deploy();
    seen = watch.stop();
  });
  afterAll(() => lab.down());

  async function deploy(): Promise<Result> {
    return lab.exec([join(TOP, "node_modules/.bin/cdktf"), "deploy", "--skip-provider-lock", "--auto-approve"], {
      cwd: project.directory,
      env: await environment(),
    });
  }

  /** What main.ts reads, and what the scenarios' program does. */
  async function environment(): Promise<NodeJS.ProcessEnv> {
    const digest = await lab.digest("3.6.14");
    const PROPS = JSON.stringify({ certificates: { sharedPeerCertificate: true } });
    return { ETCD_SHA256: digest, SHA256: digest, PROPS };
  }

  test("the deploy succeeds and prints the health table", () => {
    expect(deployed.output).toMatch(/Apply complete! Resources: \d+ added, 0 changed, 0 destroyed/);
    for (const name of MEMBERS)
      expect(deployed.output).toMatch(new RegExp(`${name} +[0-9a-f]+ +(leader|follower) +healthy +3.6.14`));
  });

  test("all three members are started and healthy, under the runbook's names", () => expectHealthy(project));

  test("etcd runs as the user etcd, under supervisor, from the versioned directory that /opt/etcd points to", async () => {
    for (const host of Object.keys(HOSTS)) {
      const name = `etcd-server-${HOSTS[host].split(".").slice(2).join("-")}`;
      expect(await lab.on(host, `supervisorctl status ${name}`)).toMatch(new RegExp(`^${name} +RUNNING`));
      expect(await lab.on(host, "stat -c %U /proc/$(supervisorctl pid " + name + ")")).toBe("etcd");
      expect(await lab.on(host, "readlink -f /opt/etcd")).toBe("/opt/etcd-v3.6.14");
      expect(await lab.on(host, "getent passwd etcd")).toMatch(/:\/nonexistent:\/sbin\/nologin$/);
      expect(await lab.on(host, "ls /home")).toBe("");
    }
  });

  test("only root can write to the files that root uses, and to the directories above them", async () => {
    expect(await writableByOthers(lab)).toEqual([]);
    expect(await ownedByOthers(lab)).toEqual([]);
  });

  test("the data directory has mode 0700 and the key 0600, both owned by etcd; everything else is root's; the log is where the runbook has it", async () => {
    const stat = (path: string) => lab.on("hdss7-12", `stat -L -c '%a %U:%G' ${path}`);
    expect(await stat("/data/etcd/etcd-server")).toBe("700 etcd:etcd");
    expect(await stat("/opt/etcd/certs/etcd-peer-key.pem")).toBe("600 etcd:etcd");
    expect(await stat("/opt/etcd")).toBe("755 root:root");
    expect(await stat("/data/etcd")).toBe("755 root:root");
    expect(await stat("/data/logs/etcd-server")).toBe("755 root:root");
    expect(await lab.on("hdss7-12", "ls /opt/etcd/certs/")).toBe("ca.pem\netcd-peer-key.pem\netcd-peer.pem");
    expect(await lab.on("hdss7-12", "grep -c 'ready to serve client requests' /data/logs/etcd-server/etcd.log")).toBe(
      "1",
    );
  });

  test("the deploy left no temporary files behind", async () => expect(await leftovers(lab)).toBe(""));

  test("a client without a certificate, or with one from another CA, is refused", async () => {
    const directory = lab.directory("stranger");
    await lab.exec([
      "sh",
      "-ec",
      `cd ${directory}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -subj /CN=stranger -days 1`,
    ]);
    const curl = (options: string) =>
      lab.exec([
        "sh",
        "-c",
        `curl -sS -m 5 --cacert ${project.directory}/credentials/ca.pem ${options} https://10.4.7.12:2379/version`,
      ]);
    // curl's error depends on the moment at which etcd closes the connection.
    for (const options of ["", `--cert ${directory}/cert.pem --key ${directory}/key.pem`]) {
      const refused = await curl(options);
      expect(refused.code).not.toBe(0);
      expect(refused.output).not.toMatch(/etcdserver/);
    }
    const { directory: own } = project;
    expect((await curl(`--cert ${own}/credentials/client.pem --key ${own}/credentials/client-key.pem`)).output).toMatch(
      /3\.6\.14/,
    );
  });

  test("nothing listens for plain HTTP, and no loopback URL is advertised", async () => {
    for (const [host, address] of Object.entries(HOSTS)) {
      const listeners = await lab.on(host, "ss -Hltn | awk '{ print $4 }' | grep -E ':(2379|2380)$' | sort");
      expect(listeners).toBe(`${address}:2379\n${address}:2380`);
      expect((await lab.exec(["curl", "-sS", "-m", "5", `http://${address}:2379/version`])).output).toMatch(
        /HTTPS server|HTTP\/0.9|Empty reply|400/,
      );
    }
    expect((await project.etcdctl("member list")).stdout).not.toMatch(/127\.0\.0\.1|localhost/);
  });

  test("no private key was seen in a process list or in /tmp, neither on the hosts nor on the operator's machine", () =>
    expect(seen).toEqual([]));

  test("no private key is in the log, in the plan, or in a file on a host that others can read; the CA's key is on no host", async () => {
    const state = JSON.parse(readFileSync(join(project.directory, "terraform.etcd.tfstate"), "utf8"));
    const keys = state.resources
      .filter((resource: { type: string }) => resource.type === "tls_private_key")
      .map((resource: { name: string; instances: { attributes: { private_key_pem: string } }[] }) => ({
        name: resource.name,
        line: resource.instances[0].attributes.private_key_pem.split("\n")[1],
      }));
    expect(keys).toHaveLength(3);
    const plan = await lab.exec(["terraform", "plan", "-destroy", "-no-color"], {
      cwd: join(project.directory, "cdktf.out/stacks/etcd"),
    });
    expect(plan.output).toMatch(/Plan: 0 to add/);
    for (const { name, line } of keys) {
      expect(deployed.output).not.toContain(line);
      expect(plan.output).not.toContain(line);
      const files = await lab.onAll(
        `grep -rlF '${line}' /root /home /etc /opt /data /var /tmp /run 2>/dev/null | while read -r f; do stat -c '%a %U %n' "$f"; done; true`,
      );
      for (const found of files) {
        if (name.includes("_peer_"))
          expect(found).toMatch(/^600 etcd \/opt\/etcd-v3\.6\.14\/certs\.[0-9a-f]+\/etcd-peer-key\.pem$/);
        else expect(found).toBe("");
      }
    }
  });

  test("a second cdktf deploy changes nothing and restarts nothing", async () => {
    const before = await pids(lab);
    const again = await deploy();
    expect(again.output).toMatch(/No changes\. Your infrastructure matches the configuration/);
    expect(await pids(lab)).toEqual(before);
  });

  test("a deploy from a fresh checkout only writes the local files again, and restarts no process", async () => {
    const before = await pids(lab);
    const elsewhere = lab.directory("elsewhere");
    mkdirSync(elsewhere, { recursive: true });
    for (const file of ["cdktf.json", "terraform.etcd.tfstate"])
      cpSync(join(project.directory, file), join(elsewhere, file));
    const again = await lab.exec(
      [join(TOP, "node_modules/.bin/cdktf"), "deploy", "--skip-provider-lock", "--auto-approve"],
      {
        cwd: elsewhere,
        env: await environment(),
      },
    );
    // The operator's credentials, including the key, are written again, so their record in the state is replaced.
    expect(again.output).toMatch(/Apply complete! Resources: \d+ added, 0 changed, 1 destroyed/);
    expect(again.output).toMatch(/terraform_data\.etcd_operator-credentials_files.*: Destruction complete/);
    expect(again.output).not.toMatch(/null_resource.*: Creating/);
    expect(await pids(lab)).toEqual(before);
    // The first checkout continues with the newer state.
    cpSync(join(elsewhere, "terraform.etcd.tfstate"), join(project.directory, "terraform.etcd.tfstate"));
  });

  test("a member that was killed comes back by itself", async () => {
    const [before] = await pids(lab);
    await lab.on("hdss7-12", `kill -9 ${before}`);
    await waitFor(async () => (await project.etcdctl("endpoint health")).code === 0);
    expect((await pids(lab))[0]).not.toBe(before);
  });

  test("after a reboot of a host, its member comes back by itself", async () => {
    await lab.lab("reboot", "hdss7-21");
    await waitFor(async () => (await project.etcdctl("endpoint health")).code === 0);
  });
});

async function waitFor(condition: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
