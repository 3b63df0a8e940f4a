// Damaged entries are never used and never fatal; they are kept for a look, out of the way.

import { mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';

/** Moves a file to the directory of damaged ones; its time becomes that of the move. Throws node's fs errors. */
export function setAside(file: string, directory: string): void {
  mkdirSync(directory, { recursive: true });
  const aside = path.join(directory, path.basename(file));
  rmSync(aside, { recursive: true, force: true }); // a directory would not be replaced
  renameSync(file, aside);
  utimesSync(aside, new Date(), new Date());
}
