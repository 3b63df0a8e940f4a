// bin/docs.mjs: writes the pages of docs/ that are generated from the tables in src/. Run it with `npm run docs`, which passes
// the options that node needs for TypeScript.

import { writeFileSync } from 'node:fs';
import { commandsPage } from '../src/cli/args/docs.ts';
import { configJsonSchema } from '../src/project/config/json-schema.ts';
import { configurationPage } from '../src/project/config/markdown.ts';
import { hintsPage } from '../src/project/hints/markdown.ts';
import { verbsPage } from '../src/project/steps/markdown.ts';
import { openApiPage } from '../src/serve/openapi-page.ts';

const pages = {
  'commands.md': commandsPage(),
  'configuration.md': configurationPage(configJsonSchema()),
  'hints.md': hintsPage(),
  'openapi.json': openApiPage(),
  'step-verbs.md': verbsPage(),
};
for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);
}
