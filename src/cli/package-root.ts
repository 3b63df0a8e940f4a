// Where vlb is installed, with the files that `vlb init` copies.

import path from 'node:path';

/** The directory of package.json: two levels above this file, and also above the bundle in dist/chunks. */
export const PACKAGE_ROOT = path.join(import.meta.dirname, '../..');
