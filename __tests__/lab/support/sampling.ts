/*
 * A whole run of the lab takes most of an hour. CI samples: in turns, it leaves half of the longest tests out, and of some
 * three quarters.
 */

/** Decides all that is random in a run, and which tests a sampled run has. `SEED=… npm run test:lab` repeats a run. */
export const SEED = Number(process.env.SEED ?? Date.now() % 100_000);

/** With `LAB_SAMPLE` set, a run leaves out what is not its turn. Four runs with consecutive seeds cover everything. */
export const IS_SAMPLE = (process.env.LAB_SAMPLE ?? "") !== "";

/** Tests that a sampled run with an even seed has, and one with an odd seed leaves out. */
export const evenSeeds = inTurns(0, 2);

/** Tests that a sampled run with an odd seed has, and one with an even seed leaves out. */
export const oddSeeds = inTurns(1, 2);

/** Tests that a sampled run has if its seed, divided by four, leaves this remainder. */
export const everyFourthSeed = (remainder: 0 | 1 | 2 | 3): Sampled => inTurns(remainder, 4);

interface Sampled {
  readonly test: jest.It;
  readonly describe: jest.Describe;
}

function inTurns(remainder: number, turns: number): Sampled {
  const runs = !IS_SAMPLE || SEED % turns === remainder;
  return { test: runs ? test : test.skip, describe: runs ? describe : describe.skip };
}
