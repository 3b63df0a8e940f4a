// Parses any command line with yargs. split.ts comes before it, so that yargs gets only words that it cannot misread: it takes off quotes,
// reads `-p.A=1` as a path into an object, and what follows a flag as its value. What is valid comes from the table.

import yargs from 'yargs';
import type { Result } from '../../model/failure.ts';
import { type Collect, readLine } from './read.ts';
import { type Split, split } from './split.ts';
import { type Call, dashed } from './table/table.ts';
import type { Given } from './values.ts';

/** The command and its values; with --help, the command `help`. Fails as `usage`. */
export function parse(argv: readonly string[]): Result<Call> {
  return readLine(split(argv), collect);
}

const collect: Collect = (options, table) => {
  const parser = yargs(options.flatMap(wordsOf)).help(false).version(false).exitProcess(false);
  for (const [name, { value }] of Object.entries(table)) {
    parser.option(name, { type: value === undefined ? 'boolean' : 'string' });
  }
  const parsed: Readonly<Record<string, unknown>> = parser
    .parserConfiguration({
      'parse-numbers': false,
      'camel-case-expansion': false,
      'boolean-negation': false, // --no-cache is an option
      'dot-notation': false,
    })
    .parseSync();
  const names = Object.keys(table).filter((name) => parsed[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, givenOf(name, [parsed[name]].flat(), options)]));
};

/** What yargs found for an option, each with the form in which it was typed; '' is an optional value that is not there. */
function givenOf(name: string, found: readonly unknown[], options: readonly Split[]): readonly Given[] {
  const forms = options.filter((option) => option.name === name).map(({ form }) => form);
  return found.map((value, at) => ({
    form: forms[at] ?? dashed(name),
    value: value === true || value === '' ? true : String(value),
  }));
}

/** A value is a word of its own, which yargs leaves as it is, unless it begins as an option does. */
function wordsOf({ name, value }: Split): readonly string[] {
  const word = dashed(name);
  if (value === true) return [word];
  return value.startsWith('-') ? [`${word}=${value}`] : [word, value];
}
