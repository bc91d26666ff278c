/* What a benchmark measures and prints. */
import { cpus, totalmem } from "node:os";

export const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Figures by name, one value a round. */
export class Figures {
  private readonly values: { [name: string]: number[] } = {};

  public get names(): string[] {
    return Object.keys(this.values);
  }

  public record(name: string, value: number): void {
    (this.values[name] ??= []).push(value);
  }

  public median(name: string): number {
    return median(this.values[name]);
  }

  /** `8.10 (7.90–8.40)`: median, smallest and largest. */
  public spread(name: string): string {
    const of = this.values[name];
    return `${median(of).toFixed(2)} (${Math.min(...of).toFixed(2)}–${Math.max(...of).toFixed(2)})`;
  }
}

/** How long this takes, in seconds; throws when it fails. */
export async function seconds(work: () => Promise<{ code: number; output: string }>): Promise<number> {
  const began = performance.now();
  const result = await work();
  if (result.code !== 0) throw new Error(result.output);
  return (performance.now() - began) / 1000;
}

/** The machine, what was run on it, and how the figures are to be read. */
export function heading(what: string, rounds: number): string {
  return `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GB; ${what}; medians of ${rounds} (smallest–largest)\n`;
}
