// Amounts of files: how many, and their disk usage in bytes.

import path from 'node:path';
import type { Amount } from '../../model/ports/store-upkeep.ts';
import { namesIn } from '../../util/fs.ts';
import { measure } from '../names.ts';

/** The number of files below a directory, and the disk usage of the files and directories. */
export function amountBelow(directory: string): Amount {
  let [count, bytes] = [0, 0];
  for (const name of namesIn(directory)) {
    const file = path.join(directory, name);
    const found = measure(file);
    if (!found) continue;
    const below = found.isDirectory ? amountBelow(file) : { count: 1, bytes: 0 };
    [count, bytes] = [count + below.count, bytes + below.bytes + found.disk];
  }
  return { count, bytes };
}

/** The amount of artifacts. */
export function amountOf(artifacts: Iterable<{ readonly disk: number }>): Amount {
  return sum([...artifacts].map(({ disk }) => ({ count: 1, bytes: disk })));
}

/** The sum of amounts. */
export function sum(amounts: readonly Amount[]): Amount {
  return {
    count: amounts.reduce((total, { count }) => total + count, 0),
    bytes: amounts.reduce((total, { bytes }) => total + bytes, 0),
  };
}
