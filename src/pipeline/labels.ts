// Names of jobs for formats that take fewer characters than names of layers have.

import type { Job } from '../model/engine/job.ts';

/** A label for each job, by its name. Those that `reduce` makes equal get a number. */
export function labelsOf(
  jobs: readonly Job[],
  reduce: (name: string) => string,
): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name } of jobs) {
    const reduced = reduce(name);
    let label = reduced;
    for (let number = 2; taken.has(label); number++) label = `${reduced}-${number}`;
    taken.add(label);
    labels.set(name, label);
  }
  return labels;
}
