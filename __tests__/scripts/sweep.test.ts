import { utimesSync } from "node:fs";
import { listenOn } from "../support/fake-etcd";
import { rollout, runningHost } from "../support/phases";
import { inEachShell } from "../support/shells";

let all: Awaited<ReturnType<typeof listenOn>>;
beforeAll(async () => {
  all = await listenOn("127.0.0.1", "127.0.0.2", "127.0.0.3");
});
afterAll(() => all.close());

const HEALTHY = { code: 0, lines: ["a on host-a: rollout: healthy"] };

inEachShell((newHost) => {
  const clusterHost = () => newHost({ props: { ports: { client: all.port } } });

  test("uploads that a killed Terraform left for this member are swept, and no others", () => {
    const host = clusterHost();
    runningHost(host);
    const old = new Date(Date.now() - 60_000);
    const upload = (name: string, text: string, age?: Date) => {
      host.write(`/tmp/${name}`, text);
      if (age) utimesSync(host.path(`/tmp/${name}`), age, age);
    };
    upload("terraform_1.sh", "set -eu\nMEMBER='a'\n", old);
    upload("terraform_2.sh", "set -eu\nMEMBER='ab'\n", old);
    upload("terraform_3.sh", "set -eu\nMEMBER='a'\n");
    upload("other_4.sh", "MEMBER='a'\n", old);
    upload("terraform_5.sh", "", old);
    upload("terraform_6.sh", "# MEMBER='a'\n", old);
    upload("deep/terraform_7.sh", "MEMBER='a'\n", old);
    expect(rollout(host)).toEqual(HEALTHY);
    expect(host.list("/tmp")).toEqual([
      "deep",
      "other_4.sh",
      "terraform_2.sh",
      "terraform_3.sh",
      "terraform_5.sh",
      "terraform_6.sh",
    ]);
    expect(host.list("/tmp/deep")).toEqual(["terraform_7.sh"]);
  });

  test("a member's name is no pattern when uploads are swept", () => {
    const host = clusterHost();
    const old = new Date(Date.now() - 60_000);
    for (const name of ["a.b", "a-b"]) {
      host.write(`/tmp/terraform_${name}.sh`, `MEMBER='${name}'\n`);
      utimesSync(host.path(`/tmp/terraform_${name}.sh`), old, old);
    }
    expect(host.call("MEMBER=a.b; sweep_uploads")).toEqual({ code: 0, lines: [] });
    expect(host.list("/tmp")).toEqual(["terraform_a-b.sh"]);
  });

  test("uploads that cannot be swept fail no rollout", () => {
    const host = clusterHost();
    runningHost(host);
    host.stub("find", "echo 'find: /tmp/terraform_1.sh: No such file or directory' >&2; exit 1");
    expect(rollout(host)).toEqual(HEALTHY);
  });
});
