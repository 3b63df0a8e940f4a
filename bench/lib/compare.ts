// Times several ways of doing the same, in turn: A B A B …, so that what else the machine does meets all of them.

import { tableLines } from '../../src/util/table.ts';
import { Interrupted } from './command.ts';

export interface Contender {
  readonly name: string;
  /** Does it once and returns how long that took, in seconds. */
  readonly run: () => number | Promise<number>;
  /** How often at most; slow ones are run less. */
  readonly rounds?: number;
}

export interface Figure {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly rounds: number;
}

/** Seconds: what takes as long as this needs no run for warming up. */
const LONG = 2;

/** Runs the contenders in turn, short ones once before to warm up; one whose first run fails is reported and omitted. */
export async function compare(contenders: readonly Contender[], rounds: number): Promise<Figure[]> {
  const able: { contender: Contender; times: number[] }[] = [];
  for (const contender of contenders) {
    try {
      const first = await contender.run();
      able.push({ contender, times: first > LONG ? [first] : [] });
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      process.stdout.write(`  ${contender.name}: not measured, ${String(error)}\n`);
    }
  }
  const wanted = ({ contender, times }: (typeof able)[number]) =>
    times.length < Math.min(rounds, contender.rounds ?? rounds);
  while (able.some(wanted)) {
    for (const one of able.filter(wanted)) one.times.push(await one.contender.run());
  }
  return able.map(({ contender, times }) => ({ name: contender.name, ...summary(times) }));
}

function summary(times: readonly number[]): Omit<Figure, 'name'> {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { median: median ?? Number.NaN, min: sorted[0] ?? Number.NaN, rounds: times.length };
}

/** Prints the figures, each with the ratio to the first one's. */
export function printFigures(figures: readonly Figure[]): void {
  const [first] = figures;
  if (!first) return;
  const rows = figures.map((figure) => [
    figure.name,
    inSeconds(figure.median),
    inSeconds(figure.min),
    String(figure.rounds),
    (figure.median / first.median).toFixed(2),
    (figure.min / first.min).toFixed(2),
  ]);
  printTable(['', 'median', 'min', 'runs', 'ratio', 'of min'], rows);
}

/** Prints a table; the first column is text, the others are figures. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const figures = [...head.keys()].slice(1);
  for (const line of tableLines([head, ...rows], figures)) process.stdout.write(`  ${line}\n`);
}

export function inSeconds(time: number): string {
  return `${time < 10 ? time.toFixed(3) : time.toFixed(1)} s`;
}

export function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 2 : 0)} MB`;
}
