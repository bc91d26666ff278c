import type { Lab } from "./lab";
import type { Project } from "./project";
import { History, Writer } from "./writer";

/**
 * Runs `work` while a careful client writes. None of the client's puts and appends may fail, and none that was
 * acknowledged may be missing afterwards. With `history`, a history of mixed operations is recorded as well, and must
 * be linearizable.
 */
export async function underWriter<T>(
  lab: Lab,
  project: Project,
  what: string,
  work: () => Promise<T>,
  { history = false } = {},
): Promise<T> {
  const writer = new Writer(lab, project, "pinned", { follow: true });
  const recorder = history ? new History(lab, project, { follow: true }) : undefined;
  const began = Date.now();
  const done = await work().catch(async (error: unknown) => {
    await Promise.allSettled([writer.stop(), recorder?.stop()]);
    throw error;
  });
  const seconds = (Date.now() - began) / 1000;
  const [written, judged] = await Promise.all([writer.stop(), recorder?.stop()]);
  const { appends } = written;
  process.stderr.write(
    `${what}: ${seconds.toFixed(1)} s; puts ${written.acknowledged}, failed ${written.failed}, longest gap ${written.longestGapMs} ms; ` +
      `appends ${appends.acknowledged}, failed ${appends.failed}, longest gap ${appends.longestGapMs} ms` +
      `${judged ? `; history of ${judged.operations} operations, ${judged.unknown} unknown: ${judged.result}` : ""}\n`,
  );
  expect(written).toMatchObject({ failed: 0, errors: [], appends: { failed: 0, errors: [] } });
  expect(written.acknowledged).toBeGreaterThan(20);
  return done;
}

/** The lines of a deploy that match `about`, in their order: `NAME phase: text`, or `NAME phase refused: text`. */
export function steps(output: string, about: RegExp): string[] {
  return [...output.matchAll(/(\S+) on \S+: (\w+(?: refused| failed)?: .*)/g)]
    .map(([, name, text]) => `${name} ${text.trimEnd()}`)
    .filter((step) => about.test(step));
}
