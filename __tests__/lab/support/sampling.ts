/* A whole run of the lab takes most of an hour. CI samples: it leaves half of the longest tests out, in turns. */

/** Decides all that is random in a run, and which half a sampled run has. `SEED=… npm run test:lab` repeats a run. */
export const SEED = Number(process.env.SEED ?? Date.now() % 100_000);

/** With `LAB_SAMPLE` set, a run leaves out what is not its half. Two runs with consecutive seeds cover everything. */
export const IS_SAMPLE = (process.env.LAB_SAMPLE ?? "") !== "";

/** Tests that a sampled run with an even seed has, and one with an odd seed leaves out. */
export const evenSeeds = inTurns(0);

/** Tests that a sampled run with an odd seed has, and one with an even seed leaves out. */
export const oddSeeds = inTurns(1);

function inTurns(remainder: 0 | 1): { readonly test: jest.It; readonly describe: jest.Describe } {
  const runs = !IS_SAMPLE || SEED % 2 === remainder;
  return { test: runs ? test : test.skip, describe: runs ? describe : describe.skip };
}
