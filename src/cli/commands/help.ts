// vlb help TOPIC, and --help: prints the help of vlb, of a command, or of the hints or formats. That of vlb export is short with --help.

import { VERSION } from '../../model/environment.ts';
import type { Failure } from '../../model/failure.ts';
import { VLB_WORDS } from '../../project/hints/words.ts';
import { unknownCommand } from '../args/errors.ts';
import { formatsText, HELP_TOPICS, helpText, hintsText } from '../args/help.ts';
import { pathBelow, type Raw } from '../args/table/table.ts';

/** Prints the help of a topic: a command's words, or one of HELP_TOPICS; without any, that of vlb. With --version, that. */
export function printHelp({ topic, version, help }: Raw<'help'>): Failure | undefined {
  if (version) {
    process.stdout.write(`${VERSION}\n`);
    return undefined;
  }
  const columns = Math.min(100, process.stdout.columns ?? 80);
  const known = HELP_TOPICS.find(({ word }) => word === topic[0]);
  if (known) {
    const isHints = known.word === 'hints';
    process.stdout.write(isHints ? hintsText(Object.values(VLB_WORDS), columns) : formatsText(columns));
    return undefined;
  }
  let path = '';
  for (const word of topic) {
    const next = pathBelow(path, word);
    if (next === undefined) return unknownCommand(path, word);
    path = next;
  }
  process.stdout.write(helpText(path, columns));
  if (path === 'export' && help !== true) process.stdout.write(`\n${formatsText(columns)}`);
  return undefined;
}
