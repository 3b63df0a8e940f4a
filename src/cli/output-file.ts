// The file that --output names.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { failAt, ok, type Result } from '../model/failure.ts';
import { canonicalPath, isFile, statIfAny } from '../util/fs.ts';

/**
 * Writes a text to the file that --output names, which is replaced when the text is complete. Through a symbolic link, and into
 * what is not a file, such as /dev/stdout. Fails as `host`.
 */
export function writeOutput(output: string, text: string): Result<void> {
  const file = canonicalPath(output);
  const work = statIfAny(file) === undefined || isFile(file) ? `${file}.${process.pid}.tmp` : undefined;
  try {
    writeFileSync(work ?? file, text, work === undefined ? {} : { flag: 'wx' });
    if (work !== undefined) renameSync(work, file);
    return ok();
  } catch (error) {
    if (work !== undefined) rmSync(work, { force: true });
    return failAt(file, 'cannot write the file', error);
  }
}
