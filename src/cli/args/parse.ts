// Reads any command line, with yargs to take it apart. What is valid, and what is said of what is not, comes from the table.

import yargs, { type Argv } from 'yargs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { unknownCommand, unknownOption } from './errors.ts';
import {
  type Call,
  camelCased,
  commandAt,
  joined,
  namesBelow,
  optionsOf,
  pathBelow,
  ROOT,
} from './table/table.ts';
import type { Option } from './table/types.ts';
import { readOptions, readValues, type Words } from './values.ts';

/** As yargs returns it, with each option under its name and its other spellings. */
type Parsed = Readonly<Record<string, unknown>>;

/** The command and its values; with --help, the command `help`. Fails as `usage`. */
export function parse(argv: readonly string[]): Result<Call> {
  const line = withoutDashes(argv);
  if (!line.ok) return line;
  const parsed: Parsed = withCommands(
    declare(
      yargs([...line.value])
        .help(false)
        .version(false),
      optionsOf(ROOT),
    ),
    '',
  )
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
      'boolean-negation': false, // --no-last is not an option
      'dot-notation': false,
    })
    .exitProcess(false)
    .parseSync();
  const { path, left } = commandIn(stringsOf(parsed['_']));
  const options = optionsOf(commandAt(path) ?? ROOT);
  const given: Record<string, readonly (string | boolean)[]> = {};
  for (const name of Object.keys(options)) {
    const value = parsed[name];
    if (value !== undefined) given[name] = Array.isArray(value) ? value : [value];
  }
  if (given['help'] || given['version']) {
    return readValues(
      { path: 'help', options: given, arguments: path === '' ? [] : path.split(' '), behind: [] },
      argv,
    );
  }
  const unknown = Object.keys(parsed).find((key) => !isKnown(key, options));
  if (unknown !== undefined) return { ok: false, failure: unknownOption(unknown, path, options) };
  if (path === '' || namesBelow(path).length > 0) {
    const values = readOptions(path, given, argv);
    return values.ok ? { ok: false, failure: unknownCommand(path, left[0]) } : values;
  }
  const words: Words = { path, options: given, arguments: left, behind: stringsOf(parsed['--']) };
  return readValues(words, argv);
}

function withCommands(parser: Argv, above: string): Argv {
  for (const name of namesBelow(above)) {
    const path = joined(above, name);
    const command = commandAt(path) ?? ROOT;
    const names = command.alias === undefined ? [name] : [name, command.alias];
    parser.command(names, false, (own) => withCommands(declare(own, command.options ?? {}), path));
  }
  return parser;
}

function declare(parser: Argv, options: Readonly<Record<string, Option>>): Argv {
  for (const [name, { alias, value }] of Object.entries(options)) {
    parser.option(name, { type: value === undefined ? 'boolean' : 'string', ...(alias && { alias }) });
  }
  return parser;
}

/** The command that the words begin with, and the words that are left. */
function commandIn(words: readonly string[]): { readonly path: string; readonly left: readonly string[] } {
  let path = '';
  for (const [index, word] of words.entries()) {
    const next = pathBelow(path, word);
    if (next === undefined) return { path, left: words.slice(index) };
    path = next;
  }
  return { path, left: [] };
}

function isKnown(key: string, options: Readonly<Record<string, Option>>): boolean {
  if (key === '_' || key === '--' || key === '$0') return true;
  return Object.entries(options).some(
    ([name, { alias }]) => key === name || key === alias || key === camelCased(name),
  );
}

/** As make and git do: words after `--` are arguments. No argument of vlb begins with a dash. */
function withoutDashes(argv: readonly string[]): Result<readonly string[]> {
  const at = argv.indexOf('--');
  if (at < 0 || argv.slice(0, at).some((word) => commandAt(word)?.behind !== undefined)) return ok(argv);
  const after = argv.slice(at + 1);
  const odd = after.find((word) => word.startsWith('-'));
  if (odd !== undefined) return fail('usage', `"${odd}" is not a valid name (it begins with a dash)`);
  return ok([...argv.slice(0, at), ...after]);
}

function stringsOf(words: unknown): readonly string[] {
  return Array.isArray(words) ? words.map(String) : [];
}
