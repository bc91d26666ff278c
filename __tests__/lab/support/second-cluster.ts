import type { Lab } from "./lab";

export const SECOND_NAMES = ["second-12", "second-21", "second-22"];

/** A second cluster, on the same hosts as the first. */
export const SECOND = {
  members: SECOND_NAMES.map((name) => ({
    name,
    address: name.replace("second-", "10.4.7."),
    hostName: name.replace("second-", "hdss7-"),
  })),
  ports: { peer: 3380, client: 3379 },
  paths: {
    installRoot: "/opt/second",
    dataDir: "/data/etcd/second",
    logDir: "/data/logs/second",
    supervisorProgramFile: "etcd-second",
  },
};

/** The process ids of the first cluster's members; each host must have one. */
export async function firstPids(lab: Lab): Promise<string[]> {
  const pids = await lab.onAll("supervisorctl pid etcd-server-7-${HOSTNAME##*-}");
  pids.forEach((pid) => expect(pid).toMatch(/^\d+$/));
  return pids;
}
