// bin/man.mjs [FILE]: writes the manual page, dist/vlb.1, from the table of commands and the hints in src/. Run it with
// `npm run man`, which passes the options that node needs for TypeScript.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manPage } from '../src/cli/args/man.ts';
import { VLB_WORDS } from '../src/project/hints/words.ts';

const inProject = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const file = process.argv[2] ?? inProject('dist/vlb.1');
const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, manPage(Object.values(VLB_WORDS), version));
