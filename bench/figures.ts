/* The figures that a benchmark collects and prints. */
import { cpus, totalmem } from "node:os";

export const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Figures by name, with one value per round. */
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

  /** `8.10 (7.90–8.40)`: the median, the smallest and the largest value. */
  public spread(name: string): string {
    const of = this.values[name];
    return `${median(of).toFixed(2)} (${Math.min(...of).toFixed(2)}–${Math.max(...of).toFixed(2)})`;
  }
}

/** Runs `work` and returns how long it took, in seconds; throws if it fails. */
export async function seconds(work: () => Promise<{ code: number; output: string }>): Promise<number> {
  const began = performance.now();
  const result = await work();
  if (result.code !== 0) throw new Error(result.output);
  return (performance.now() - began) / 1000;
}

/** The first line of the output: the machine, what was run on it, and how to read the figures. */
export function heading(what: string, rounds: number): string {
  return `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GB; ${what}; medians of ${rounds} (smallest–largest)\n`;
}
