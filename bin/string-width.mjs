// Takes the place of the package string-width in the bundle, where yargs wants it to lay out the help text.
// That package handles every script and emoji, for which it loads tables at once: 20 ms, more than half of what
// starting vlb takes. The help text is plain.

import { stripVTControlCharacters } from 'node:util';

const stringWidth = (text) => [...stripVTControlCharacters(text)].length;

// biome-ignore lint/style/noDefaultExport: as the package does
export default stringWidth;
