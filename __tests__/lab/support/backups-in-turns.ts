import { basename } from "node:path";
import { IS_SAMPLE, oneInTurns, SEED } from "./sampling";
import { scenariosOf, WITH_BACKUPS } from "./scenarios";

/* A sampled run has one of its scenarios with LAB_BACKUPS=yes. */
if (IS_SAMPLE && process.env.LAB_BACKUPS === undefined) {
  const candidates = scenariosOf({ sample: true, seed: SEED, engine: false }).filter((name) =>
    WITH_BACKUPS.includes(name),
  );
  const scenario = basename(expect.getState().testPath ?? "", ".test.ts");
  if (oneInTurns(candidates).includes(scenario)) {
    process.env.LAB_BACKUPS = "yes";
    process.stderr.write(`${scenario} runs with LAB_BACKUPS=yes\n`);
  }
}
