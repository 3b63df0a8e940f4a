// Damaged entries are never used and never fatal; they are kept in a directory of their own for inspection.

import { renameSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../util/errors.ts';
import { makeSharedDirectory } from './group-access.ts';

/** Moves a file to the directory of damaged entries; its mtime becomes that of the move. Throws node's fs errors. */
export function setAside(file: string, directory: string): void {
  makeSharedDirectory(directory);
  const aside = path.join(directory, path.basename(file));
  rmSync(aside, { recursive: true, force: true }); // rename(2) does not replace a directory
  renameSync(file, aside);
  attempt(() => utimesSync(aside, new Date(), new Date())); // another user's keeps its time
}
