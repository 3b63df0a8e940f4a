// The .gitignore of a new project.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemError } from '../../util/errors.ts';

/** Creates .gitignore for the files of vlb. An existing one is not modified. Throws node's fs errors. */
export function makeGitignore(directory: string): void {
  try {
    writeFileSync(path.join(directory, '.gitignore'), '/.vlb/\n/build/\n', { flag: 'wx' });
    process.stderr.write('note: created .gitignore for .vlb/ and build/\n');
  } catch (error) {
    if (systemError(error).code !== 'EEXIST') throw error;
  }
}
