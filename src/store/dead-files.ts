// Files that a vlb which was killed left half made: with no living owner they are rubbish.

import { readdirSync } from 'node:fs';
import path from 'node:path';

/** The owner in a file's name: drafts in the store, and flat images in the making. */
const OWNED = [/^\.tmp-(\d+-[^-]+)-/, /^\.flattening-(\d+-[^-]+)\.qcow2$/];

/**
 * The half-made files in a directory whose owners are dead. Throws node's fs errors.
 * @param isAlive whether the process of that name still runs, see src/host/linux/owner.ts
 */
export function deadFiles(directory: string, isAlive: (owner: string) => boolean): readonly string[] {
  return readdirSync(directory)
    .filter((name) => {
      const owner = OWNED.map((pattern) => pattern.exec(name)?.[1]).find((found) => found !== undefined);
      return owner !== undefined && !isAlive(owner);
    })
    .map((name) => path.join(directory, name));
}
