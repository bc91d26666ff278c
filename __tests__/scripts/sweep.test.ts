import { utimesSync } from "node:fs";
import { memberFacts } from "../../src/provision/member-facts";
import { type Host, RESOURCES, type Run } from "../support/host";
import { inEachShell } from "../support/shells";
import { HOST_SCRIPTS } from "../support/synth";

const OLD = new Date(Date.now() - 60_000);

/** Runs a phase whose own function does nothing. Its script is `run-N.sh` in the home directory. */
function rollout(host: Host, member = "a", phase = "rollout"): Run {
  return host.program([
    "set -eu",
    memberFacts("stack/etcd", host.cluster, { ...host.member, name: member }, RESOURCES),
    HOST_SCRIPTS,
    `phase_${phase}() { :; }`,
    `main ${phase} 60 "$@"`,
  ]);
}

function upload(host: Host, name: string, text: string, age?: Date): void {
  host.write(`/home/${name}`, text);
  if (age) utimesSync(host.path(`/home/${name}`), age, age);
}

inEachShell((newHost) => {
  test("uploads that a killed Terraform left for this member are deleted, whether complete or empty, and no others are", () => {
    const host = newHost();
    upload(host, "run-11.sh", "set -eu\nMEMBER='a'\n", OLD);
    upload(host, "run-12.sh", "set -eu\nMEMBER='ab'\n", OLD);
    upload(host, "run-13.sh", "set -eu\nMEMBER='a'\n");
    upload(host, "other_14.sh", "MEMBER='a'\n", OLD);
    upload(host, "run-15.sh", "", OLD);
    upload(host, "run-16.sh", "# MEMBER='a'\n", OLD);
    upload(host, "run-17.sh", "");
    upload(host, "deep/run-18.sh", "MEMBER='a'\n", OLD);
    expect(rollout(host)).toEqual({ code: 0, lines: [] });
    expect(host.list("/home")).toEqual(["deep", "other_14.sh", "run-12.sh", "run-13.sh", "run-16.sh", "run-17.sh"]);
    expect(host.list("/home/deep")).toEqual(["run-18.sh"]);
  });

  test("a preflight deletes such uploads too, but not one that another deploy may be about to run", () => {
    const host = newHost();
    upload(host, "run-11.sh", "MEMBER='a'\n", OLD);
    upload(host, "run-12.sh", "MEMBER='a'\n", new Date(Date.now() - 15_000));
    expect(rollout(host, "a", "preflight")).toEqual({ code: 0, lines: [] });
    expect(host.list("/home")).toEqual(["run-12.sh"]);
  });

  test("a member's name is not used as a pattern when uploads are deleted", () => {
    const host = newHost();
    upload(host, "run-11.sh", "MEMBER='a.b'\n", OLD);
    upload(host, "run-12.sh", "MEMBER='a-b'\n", OLD);
    expect(rollout(host, "a.b")).toEqual({ code: 0, lines: [] });
    expect(host.list("/home")).toEqual(["run-12.sh"]);
  });

  test("uploads that cannot be deleted do not fail a rollout", () => {
    const host = newHost();
    host.stub("find", "echo 'find: /root/terraform_1.sh: No such file or directory' >&2; exit 1");
    expect(rollout(host)).toEqual({ code: 0, lines: [] });
  });
});
