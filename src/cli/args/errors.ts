// The failures for commands and options that do not exist, with the nearest one that does.

import { type Failure, fail } from '../../model/failure.ts';
import { nearest } from '../../util/nearest.ts';
import { dashed, joined, namesBelow } from './table/table.ts';
import type { Option } from './table/types.ts';

/** The failure for a path that is not that of a command; without a word, for a command line that ends there. */
export function unknownCommand(path: string, word: string | undefined): Failure {
  const names = namesBelow(path);
  const hint = `see vlb ${path === '' ? '' : `${path} `}--help`;
  if (word === undefined) {
    const list = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
    return fail('usage', path === '' ? 'no command given' : `vlb ${path} requires a command: ${list}`, {
      hint,
    }).failure;
  }
  const guess = nearest(word, names);
  return fail('usage', `unknown command ${joined(path, word)}`, {
    hint: guess === undefined ? hint : `did you mean vlb ${joined(path, guess)}?`,
  }).failure;
}

/** The failure for an option that is not one of those at `path`. */
export function unknownOption(
  name: string,
  path: string,
  options: Readonly<Record<string, Option>>,
): Failure {
  const guess = nearest(name, Object.keys(options));
  const hint =
    guess === undefined ? `see vlb ${path === '' ? '' : `${path} `}--help` : `did you mean ${dashed(guess)}?`;
  return fail('usage', `unknown option ${dashed(name)}`, { hint }).failure;
}
