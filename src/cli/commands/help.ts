// vlb help TOPIC, and --help: prints the help of vlb, of a command, or of the hints.

import { VERSION } from '../../model/environment.ts';
import type { Failure } from '../../model/failure.ts';
import { VLB_WORDS } from '../../project/hints/words.ts';
import { unknownCommand } from '../args/errors.ts';
import { HELP_TOPICS, helpText, hintsText } from '../args/help.ts';
import { pathBelow, type Raw } from '../args/table/table.ts';

/** Prints the help of a topic: a command's words, or one of HELP_TOPICS; without any, that of vlb. With --version, that. */
export function printHelp({ topic, version }: Raw<'help'>): Failure | undefined {
  if (version) {
    process.stdout.write(`${VERSION}\n`);
    return undefined;
  }
  const columns = Math.min(100, process.stdout.columns ?? 80);
  if (HELP_TOPICS.some(({ word }) => word === topic[0])) {
    process.stdout.write(hintsText(Object.values(VLB_WORDS), columns));
    return undefined;
  }
  let path = '';
  for (const word of topic) {
    const next = pathBelow(path, word);
    if (next === undefined) return unknownCommand(path, word);
    path = next;
  }
  process.stdout.write(helpText(path, columns));
  return undefined;
}
