// Where vlb itself is installed, with the files that it hands out beside the program.

import path from 'node:path';

/** The directory of package.json: this file is two below it in the source, and the bundle in dist/chunks is as well. */
export const PACKAGE_ROOT = path.join(import.meta.dirname, '../..');
