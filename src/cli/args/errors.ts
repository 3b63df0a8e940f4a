// The failures for commands and options that do not exist, with the nearest one that does.

import { type Failure, fail } from '../../model/failure.ts';
import { guessHint } from '../../util/nearest.ts';
import { dashed, joined, namesBelow } from './table/table.ts';
import type { Option } from './table/types.ts';

/** The failure for a path that is not that of a command; without a word, for a command line that ends there. */
export function unknownCommand(path: string, word: string | undefined): Failure {
  const names = namesBelow(path);
  const hint = helpHint(path);
  if (word === undefined) {
    const list = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
    return fail('usage', path === '' ? 'no command given' : `vlb ${path} requires a command: ${list}`, {
      hint,
    }).failure;
  }
  return fail('usage', `unknown command ${joined(path, word)}`, {
    hint: guessHint(word, names, hint, (guess) => `vlb ${joined(path, guess)}`),
  }).failure;
}

/**
 * The failure for an option that is not one of those at `path`.
 * @param form as it was typed, without a value
 */
export function unknownOption(
  form: string,
  path: string,
  options: Readonly<Record<string, Option>>,
): Failure {
  // --dryRun and --dry_run are how other tools write it.
  const name = form
    .replace(/^--?/, '')
    .replaceAll('_', '-')
    .replace(/(?<=[a-z])[A-Z]/g, '-$&')
    .toLowerCase();
  const hint = guessHint(name, Object.keys(options), helpHint(path), dashed);
  return fail('usage', `unknown option ${form}`, { hint }).failure;
}

/** Where the command at a path is explained. */
export function helpHint(path: string): string {
  return `see vlb ${path === '' ? '' : `${path} `}--help`;
}
