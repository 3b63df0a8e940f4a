// bin/docs.mjs: writes docs/commands.md from the table of commands in src/. Run it with `npm run docs`, which passes the
// options that node needs for TypeScript.

import { writeFileSync } from 'node:fs';
import { commandsPage } from '../src/cli/args/docs.ts';

writeFileSync(new URL('../docs/commands.md', import.meta.url), commandsPage());
