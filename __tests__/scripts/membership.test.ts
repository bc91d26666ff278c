import { phase, runningHost, stagedHost } from "../support/phases";
import { inEachShell } from "../support/shells";

const said = (text: string) => `a on host-a: membership: ${text}`;
const NOT_HERE = { code: 0, lines: [said("no member of a live cluster here, nothing to compare")] };

inEachShell((newHost) => {
  test("where no etcd runs there is nothing to compare", () => {
    const host = newHost();
    stagedHost(host).healthy("b");
    expect(phase(host, "membership")).toEqual(NOT_HERE);
  });

  test("where etcd runs without a quorum there is nothing to compare", () => {
    const host = newHost();
    runningHost(host).unhealthy("a");
    expect(phase(host, "membership")).toEqual(NOT_HERE);
  });

  test("members that are all desired are good, and so are those that have not joined yet", () => {
    const host = newHost();
    const cluster = runningHost(host);
    const good = { code: 0, lines: [said("all members of the cluster are desired")] };
    expect(phase(host, "membership")).toEqual(good);
    cluster.members(["1", "started", "a"], ["2", "started", "b"]);
    expect(phase(host, "membership")).toEqual(good);
  });

  test("every member that the program no longer names is refused, until removal is built, by exact peer URL", () => {
    const host = newHost();
    runningHost(host);
    const members = host.read("/run/cluster/members");
    host.write(
      "/run/cluster/members",
      `${members}91bc, started, z, https://127.0.0.30:2380, https://127.0.0.30:2379, false\nfd42, unstarted, , https://127.0.0.3:23800, , false\n`,
    );
    expect(phase(host, "membership")).toEqual({
      code: 3,
      lines: [
        "a on host-a: membership refused: scale in: the cluster still has z (https://127.0.0.30:2380), fd42 (https://127.0.0.3:23800), which the program no longer names, and removal is not supported yet; to do: put the member back into the program",
      ],
    });
  });
});
