import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type FakeCluster, listenOn } from "../support/fake-etcd";
import { installSupervisor } from "../support/fake-supervisor";
import type { Host, Run } from "../support/host";
import { checkData, hostInCluster, phase, pid, rollout, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";
import { base64, makePki } from "../support/test-pki";

jest.setTimeout(120_000);

const pki = makePki();
let all: Awaited<ReturnType<typeof listenOn>>;
let others: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
  others = await listenOn("127.0.0.2", "127.0.0.3");
});
afterAll(() => [all, others].forEach((ports) => ports.close()));

/** What changes something for good: a phase is killed right before one of these. */
const CHANGES = ["mv", "rm", "supervisorctl"];
/** At most so many kills of one phase, from its beginning to its end. */
const KILLS = 4;

/** Makes a host count these commands, and kill its phase in place of one of them. */
function killAt(host: Host, which: number): () => number {
  const [count, running] = [host.path("/run/count"), host.path("/run/phase")];
  host.write("/run/count", "0\n");
  for (const command of CHANGES) {
    const real = host.has(`/stubs/${command}`) ? "/run/real-supervisorctl" : `/bin/${command}`;
    if (real.startsWith("/run")) host.write(real, host.read(`/stubs/${command}`), 0o755);
    host.stub(
      command,
      `read -r n <'${count}'; n=$((n + 1)); echo "$n" >'${count}'
[ "$n" != ${which} ] || { read -r phase <'${running}' && grep -q '${host.root}' "/proc/$phase/cmdline" && kill -9 "$phase"; exit 1; }
exec '${host.path(real)}' "$@"`,
    );
  }
  return () => {
    host.write("/stubs/supervisorctl", host.read("/run/real-supervisorctl"), 0o755);
    for (const command of ["mv", "rm"]) host.unstub(command);
    return Number(host.read("/run/count"));
  };
}

/** All that is on a host but what belongs to the test, and what is not the same in two runs. */
function files(host: Host): string[] {
  const visit = (directory: string): string[] =>
    readdirSync(join(host.root, directory)).flatMap((name) => {
      const path = `${directory}/${name}`;
      if (/^\/(bin|proc|run|stubs|home\/run-\d+\.sh|opt\/etcd-v[\d.]+\/\.sh)$/.test(path)) return [];
      const { mode, uid } = lstatSync(join(host.root, path));
      const text = () => readFileSync(join(host.root, path), "utf8").split(host.root).join("");
      const what = `${path} ${(mode & 0o7777).toString(8)} ${uid}`;
      switch (mode & 0o170000) {
        case 0o040000:
          return [what, ...visit(path)];
        case 0o120000:
          return [`${what} -> ${readlinkSync(join(host.root, path))}`];
        default:
          return [`${what} ${text().replace(/\b[0-9a-f]{64}\b/g, "DIGEST")}`];
      }
    });
  return visit("").map((line) => line.replace(/\d{8}T\d{6}Z/g, "TIME"));
}

inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: all.port } } });
  const removing = (host: Host, name: string, policy: string) =>
    phase(host, name, { CLUSTER: "stack/etcd", REMOVAL_POLICY: policy });

  const scenarios: { [name: string]: () => { host: Host; cluster?: FakeCluster; run: () => Run } } = {
    "a first stage": () => {
      const host = newHost({ props: { ports: { client: others.port } } });
      installSupervisor(host);
      for (const tool of ["etcd", "etcdctl"]) host.write(`/opt/etcd-v3.6.14/${tool}`, "#!/bin/sh\n", 0o755);
      host.write("/opt/etcd-v3.6.14/.sha256", `${host.archiveSha256}\n`);
      const data = {
        ...checkData(pki.ca, pki.cert),
        STARTUP_BASE64: base64(host.startupScript()),
        PROGRAM_INI_BASE64: base64(host.programIni()),
        ETCDCTL_ENV_BASE64: base64("ETCDCTL_ENDPOINTS=x\n"),
      };
      const run = () => {
        host.write("/home/.cdktf-etcd/a/etcd-peer-key.pem", pki.key);
        return phase(host, "stage", data);
      };
      return { host, run };
    },
    "a restart": () => {
      const host = clusterHost();
      const cluster = runningHost(host);
      const quota = { quotaBackendBytes: 4294967296 };
      host.write("/opt/etcd-v3.6.14/etcd-server-startup.sh.next", host.startupScript(quota), 0o755);
      host.call("note_due");
      return { host, cluster, run: () => rollout(host, { cluster: quota }) };
    },
    "a member that has lost its data": () => {
      const host = clusterHost();
      const cluster = stagedHost(host);
      cluster.members("a", "b", "c");
      cluster.healthy("bc");
      cluster.status("a");
      host.write("/var/lib/cdktf-etcd/a/started", `${host.member.peerUrl}\n`);
      return { host, cluster, run: () => rollout(host) };
    },
    "a removal that keeps the data": () => {
      const { host, cluster } = hostInCluster(clusterHost(), "abc");
      host.call("claim_host");
      cluster.members("b", "c");
      return { host, cluster, run: () => removing(host, "decommission", "retain") };
    },
    "a removal that deletes all": () => {
      const host = clusterHost();
      runningHost(host);
      host.call("claim_host");
      return { host, run: () => removing(host, "shutdown", "destroy") };
    },
  };

  const outcome = ({ host, cluster }: { host: Host; cluster?: FakeCluster }) => ({
    files: files(host),
    cluster: cluster && [cluster.memberNames().sort(), cluster.due(), cluster.joins(), cluster.turn()],
    runs: pid(host) !== "",
    programs: host.list("/run/supervisord/active"),
  });

  test.each(Object.keys(scenarios))("%s: nothing else comes of it if it is killed anywhere and run again", (name) => {
    const undisturbed = scenarios[name]();
    const counted = killAt(undisturbed.host, 0);
    expect(undisturbed.run().code).toBe(0);
    const changes = counted();
    const expected = outcome(undisturbed);
    undisturbed.host.shutDown();
    const step = Math.ceil(changes / KILLS);
    let kills = 0;
    for (let which = 1; which <= changes; which += step) {
      const scenario = scenarios[name]();
      const uncounted = killAt(scenario.host, which);
      const killed = scenario.run();
      uncounted();
      // Something that the phase leaves behind may have made the change: it wakes supervisord.
      if (killed.code !== 0) kills += 1;
      const { code, lines } = scenario.run();
      expect({
        which,
        code,
        lines: lines.filter((line) => / (failed|refused): /.test(line)),
        ...outcome(scenario),
      }).toEqual({
        which,
        code: 0,
        lines: [],
        ...expected,
      });
      scenario.host.shutDown();
    }
    expect(kills).toBeGreaterThan(1);
  });
});
