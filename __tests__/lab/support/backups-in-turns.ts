import { basename } from "node:path";
import { IS_SAMPLE, SEED } from "./sampling";

/* A sampled run has one of these scenarios with LAB_BACKUPS=yes, another one with each pair of seeds. */
const IN_TURNS = [
  "first-deploy",
  "rolling-change",
  "scale",
  "upgrade",
  "replace-member",
  "lost-data",
  "certificates",
  "destroy",
  "interrupted",
  "failures",
];

const scenario = basename(expect.getState().testPath ?? "", ".test.ts");
if (
  IS_SAMPLE &&
  process.env.LAB_BACKUPS === undefined &&
  IN_TURNS[Math.floor(SEED / 2) % IN_TURNS.length] === scenario
) {
  process.env.LAB_BACKUPS = "yes";
  process.stderr.write(`${scenario} runs with LAB_BACKUPS=yes\n`);
}
