/*
 * The lab's scenarios, and which of them a run has. A whole run takes most of an hour, so CI samples: with `LAB_SAMPLE`
 * set, a run has a third of them, by its seed. Three runs with consecutive seeds cover everything.
 */

/**
 * Scenarios in which a client writes. They run one at a time, because a client that measures gaps would also measure the
 * load of another lab. The numbers are seconds on two cores; only their proportions matter.
 */
const ALONE = {
  backups: 290,
  certificates: 370,
  drill: 55,
  failures: 95,
  "first-deploy": 45,
  "lost-data": 100,
  maintenance: 220,
  names: 120,
  provisioned: 340,
  "replace-member": 250,
  restore: 400,
  "rolling-change": 170,
  scale: 310,
  shape: 90,
  "two-deploys": 110,
  "two-stacks": 80,
  upgrade: 350,
};

/**
 * In these no client measures gaps, and they wait most of the time: for a host that is unreachable, or for one member
 * after the other. They run two at a time.
 */
const IN_PAIRS = {
  "air-gapped": 75,
  destroy: 170,
  faults: 90,
  interrupted: 100,
  networks: 200,
  "off-host": 70,
  refusals: 120,
  removed: 180,
  "restore-contents": 100,
  rhel: 230,
  ssh: 100,
  "sudo-user": 85,
  "two-clusters": 220,
  versions: 100,
};

/** These run only by name and with `LAB_ENGINE`, because the engine has to be built first. */
const ON_REQUEST = ["engines"];

/** Every sampled run has these: a first deploy, and changes of all kinds that meet faults. */
const ALWAYS = ["first-deploy", "failures"];

/** Of these, a sampled run has one in which all clusters have backups (backups-in-turns.ts). */
const WITH_BACKUPS = [
  "certificates",
  "destroy",
  "failures",
  "first-deploy",
  "interrupted",
  "lost-data",
  "removed",
  "replace-member",
  "rolling-change",
  "scale",
  "two-clusters",
  "upgrade",
];

/**
 * The names of the scenarios of a run.
 *
 * @param {{ group?: "alone" | "pairs", sample: boolean, seed: number, engine: boolean }} run
 * @returns {string[]}
 */
function scenariosOf({ group, sample, seed, engine }) {
  const groups = { alone: ALONE, pairs: IN_PAIRS };
  const chosen = Object.entries(groups).filter(([name]) => !group || name === group);
  const names = chosen.flatMap(([, seconds]) => (sample ? thirdOf(seconds, seed) : Object.keys(seconds)));
  return [...names, ...(engine ? ON_REQUEST : [])];
}

/** Puts each scenario, the longest first, into the third that is the shortest so far. */
function thirdOf(seconds, seed) {
  const thirds = [0, 1, 2].map(() => ({ seconds: 0, names: [] }));
  const sampled = Object.keys(seconds).filter((name) => !ALWAYS.includes(name));
  for (const name of sampled.sort((a, b) => seconds[b] - seconds[a])) {
    const shortest = thirds.reduce((least, third) => (third.seconds < least.seconds ? third : least));
    shortest.seconds += seconds[name];
    shortest.names.push(name);
  }
  return [...ALWAYS.filter((name) => name in seconds), ...thirds[seed % 3].names];
}

module.exports = { scenariosOf, ALONE, IN_PAIRS, ON_REQUEST, ALWAYS, WITH_BACKUPS };
