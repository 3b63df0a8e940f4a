// vlb help hints. `vlb help COMMAND` is `vlb COMMAND --help`, which yargs prints.

import { VLB_WORDS } from '../../project/hints/words.ts';
import { hintsText } from '../args/help.ts';

/** Prints what comments in a script may say. */
export function printHints(): void {
  const columns = Math.min(100, process.stdout.columns ?? 80);
  process.stdout.write(hintsText(Object.values(VLB_WORDS), columns));
}
