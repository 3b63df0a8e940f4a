// The version of the contents of one of vlb's directories: a file `version` in it, so that an older vlb refuses newer contents
// instead of misreading them.

import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { textIfAny } from './fs.ts';

/**
 * The version of a directory's contents if it is newer than a known one, otherwise undefined. A directory without a version,
 * or that is absent, has version 1.
 */
export function newerVersion(directory: string, known: number): number | undefined {
  const version = Number.parseInt(textIfAny(path.join(directory, 'version')) ?? '', 10);
  return version > known ? version : undefined; // NaN is not: a power cut can leave an empty file
}

/** Writes the version of a directory, which must exist, unless it has one; returns whether it did. Throws node's fs errors. */
export function markVersion(directory: string, version: number): boolean {
  const file = path.join(directory, 'version');
  if (existsSync(file)) return false;
  writeFileSync(file, `${version}\n`);
  return true;
}
