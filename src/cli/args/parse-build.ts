// Reads the command lines of `vlb build` that are as they should be, without yargs: that takes as long to load as a build with
// nothing to do. Anything unusual or wrong is left to parse.ts.

import { commandAt, optionNamed, optionsOf, ROOT } from './table/table.ts';
import type { Option } from './table/types.ts';
import type { Words } from './values.ts';

const COMMAND = 'build';

/** The words of the command line, or undefined where parse.ts has to read it. */
export function parseBuild(argv: readonly string[]): Words | undefined {
  const given: Record<string, (string | boolean)[]> = {};
  const words: string[] = [];
  let options: Readonly<Record<string, Option>> | undefined;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-')) {
      if (options) words.push(word);
      else if (word !== COMMAND) return undefined;
      options ??= optionsOf(commandAt(COMMAND) ?? ROOT);
      continue;
    }
    const option = optionIn(word, options ?? optionsOf(ROOT));
    if (option === undefined) return undefined;
    const next = argv[index + 1];
    const value = givenIn(option, next);
    if (value === undefined) return undefined;
    if (option.inline === undefined && value === next) index++;
    const before = given[option.name] ?? [];
    before.push(value);
    given[option.name] = before;
  }
  return options && { path: COMMAND, options: given, arguments: words, behind: [] };
}

interface Found {
  readonly name: string;
  readonly option: Option;
  /** The value in the same word. */
  readonly inline: string | undefined;
}

/** `--name`, `--name=value`, `-j` and `-j4`. */
function optionIn(word: string, options: Readonly<Record<string, Option>>): Found | undefined {
  const isLong = word.startsWith('--');
  const end = isLong ? word.indexOf('=') : 2;
  const form = end < 0 ? word : word.slice(0, end);
  const rest = end < 0 || (end === word.length && !isLong) ? undefined : word.slice(isLong ? end + 1 : end);
  if (!isLong && rest !== undefined && !/^\d+$/.test(rest)) return undefined;
  const [name, option] = optionNamed(form, options) ?? [];
  if (name === undefined || option === undefined || name === 'help' || name === 'version') return undefined;
  return { name, option, inline: rest };
}

/** The value of an option, in its word or the next one; true for a flag; undefined where it is not plain what is meant. */
function givenIn({ option, inline }: Found, next: string | undefined): string | true | undefined {
  if (option.value === undefined) {
    return inline !== undefined || next === 'true' || next === 'false' ? undefined : true;
  }
  const value = inline ?? (option.optional && (next === undefined || next.startsWith('-')) ? '' : next);
  // yargs takes off quotes, and leaves alone what looks like an option.
  return value === undefined || /^['"]/.test(value) || (inline === undefined && value.startsWith('-'))
    ? undefined
    : value;
}
