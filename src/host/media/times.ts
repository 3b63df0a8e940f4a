// The times of files that become part of an image, which are not to depend on the run.

import { lutimesSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * Sets the times of a directory and all that is in it. Throws node's fs errors.
 * @param seconds since 1970
 * @returns the names of what is in it, relative, sorted
 */
export function setTimes(directory: string, seconds: number): readonly string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  for (const name of [...names, '.']) lutimesSync(path.join(directory, name), seconds, seconds);
  return names;
}
