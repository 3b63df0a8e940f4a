// The directory in which everything is made; it goes away at the end.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Scratch extends Disposable {
  readonly directory: string;
  /** Makes a directory below it. */
  make(name: string): string;
}

export function openScratch(): Scratch {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-bench-'));
  return {
    directory,
    make: (name) => {
      const made = path.join(directory, name);
      mkdirSync(made);
      return made;
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
