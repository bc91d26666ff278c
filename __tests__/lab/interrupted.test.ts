import { expectHealthy, leftovers } from "./support/cluster";
import { randomMoments } from "./support/faults";
import { Lab } from "./support/lab";
import { Project } from "./support/project";
import { SEED } from "./support/sampling";

/** Longer than a whole first deploy on this kind of host, shorter than two. */
const LONGEST_SECONDS = 16;

describe(`Terraform killed (-9) during a first deploy, seed ${SEED}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up("interrupted", "--supervisor", "preinstalled");
  });
  afterAll(() => lab.down());

  test.each(randomMoments(SEED, 2, LONGEST_SECONDS))(
    "killed after %d s, the next apply leads to three healthy members and leaves nothing behind",
    async (seconds) => {
      await lab.lab("reset");
      const project = new Project(lab, `killed-${seconds}`);
      await project.prepare();
      const first = project.startTerraform("apply", "-auto-approve");
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      await project.kill(first);

      const second = await project.applyAfterKill();
      expect(second.output).toMatch(/Apply complete!|No changes/);
      await expectHealthy(project);
      expect(await leftovers(lab)).toBe("");
      expect((await project.apply()).output).toMatch(/No changes/);
    },
  );
});
