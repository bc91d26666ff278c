/**
 * Decides all that is random in a run; jest.lab.config.js sets it. `SEED=… npm run test:lab` repeats a run. A sampled run
 * has a scenario only with every third seed (scenarios.js), so what a scenario chooses by `SEED % n` needs an n that 3
 * does not divide.
 */
export const SEED = Number(process.env.SEED);

/** Whether this is a sampled run: CI. */
export const IS_SAMPLE = (process.env.LAB_SAMPLE ?? "") !== "";

/** All of these; in a sampled run, one of them, in turns. */
export function oneInTurns<T>(list: readonly T[]): readonly T[] {
  return IS_SAMPLE ? [list[Math.floor(SEED / 3) % list.length]] : list;
}
