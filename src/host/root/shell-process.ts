// Finds the root shell among the machine's processes: in its own PID namespace it is always number 1.

import { descendantsOf } from '../process/descendants.ts';

/** Returns the process that is number 1 of a PID namespace and descends from the given one; undefined if none exists. */
export function firstProcessBelow(ancestor: number): number | undefined {
  return descendantsOf(ancestor).find(({ numbers }) => numbers.length > 1 && numbers.at(-1) === '1')?.pid;
}
