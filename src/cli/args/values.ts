// From the words of a command line to the values of its command: both parsers end here, so that they agree.

import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { helpHint } from './errors.ts';
import { type Call, camelCased, commandAt, dashed, optionsOf, ROOT } from './table/table.ts';
import type { Argument, Command, Option } from './table/types.ts';

/** A command line taken apart. */
export interface Words {
  /** Of a command that can be run. */
  readonly path: string;
  /** What was given for each option, by its name in the table. */
  readonly options: Readonly<Record<string, readonly (string | boolean)[]>>;
  readonly arguments: readonly string[];
  /** What follows `--`, for commands that take a command line there. */
  readonly behind: readonly string[];
}

/** Arguments that commands look up by name: an empty one is an unknown name. */
const NAMES = ['LAYER', 'IMAGE', 'NAME'];

/**
 * Checks and converts all values, and puts in defaults. Fails as `usage` with the first that is not valid.
 * @param argv the command line, to name options as they were typed
 */
export function readValues(words: Words, argv: readonly string[]): Result<Call> {
  const command = commandAt(words.path) ?? ROOT;
  const hint = helpHint(words.path);
  const options = readOptions(words.path, words.options, argv);
  if (!options.ok) return options;
  const raw: Record<string, unknown> = { ...options.value, behind: words.behind };
  const exclusive = (command.exclusive ?? []).filter((name) => words.options[name]?.at(-1));
  if (exclusive.length > 1) {
    return fail('usage', `use either ${exclusive.slice(0, 2).map(dashed).join(' or ')}, not both`);
  }
  const left = [...words.arguments];
  for (const [name, argument] of Object.entries(command.arguments ?? {})) {
    const own = left.splice(0, argument.rest ? left.length : 1);
    const failure = argumentFailure(name, argument, own, words.path, hint);
    if (failure) return { ok: false, failure };
    raw[name] = argument.rest ? own : own[0];
  }
  const [extra] = left;
  if (extra !== undefined) return { ok: false, failure: unexpected(extra, words.path, command, hint) };
  return ok({ path: words.path, raw } as unknown as Call); // made from the entries of the table that its type is made from
}

/** The same for the options alone. */
export function readOptions(
  path: string,
  given: Words['options'],
  argv: readonly string[],
): Result<Readonly<Record<string, unknown>>> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(optionsOf(commandAt(path) ?? ROOT))) {
    const value = optionValue(option, given[name], typed(name, option, argv), helpHint(path));
    if (!value.ok) return value;
    values[camelCased(name)] = value.value;
  }
  return ok(values);
}

function optionValue(
  option: Option,
  given: readonly (string | boolean)[] | undefined,
  name: string,
  hint: string,
): Result<unknown> {
  if (given === undefined) return ok(option.list ? [] : option.default);
  if (option.value === undefined) return ok(given.at(-1) === true);
  if (given.length > 1 && !option.list) return fail('usage', `${name} can be given only once`, { hint });
  if (given.includes('') && !option.optional) return fail('usage', `${name} requires a value`, { hint });
  const [value] = given;
  const wrong = invalidChoice(name, option.choices, String(value));
  if (wrong) return { ok: false, failure: wrong };
  if (!option.number) return ok(option.list ? given : value);
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 1) return ok(number);
  return fail('usage', `${name} must be a number, 1 or more`, { hint });
}

function argumentFailure(
  name: string,
  { value, choices, required }: Argument,
  given: readonly string[],
  path: string,
  hint: string,
): Failure | undefined {
  if (required && given.length === 0) {
    return fail('usage', `vlb ${path} requires another argument`, { hint }).failure;
  }
  if (given.includes('') && !NAMES.includes(value)) {
    return fail('usage', `${name} must not be empty`, { hint }).failure;
  }
  return given[0] === undefined ? undefined : invalidChoice(name, choices, given[0]);
}

function invalidChoice(
  name: string,
  choices: readonly string[] | undefined,
  value: string,
): Failure | undefined {
  if (!choices || choices.includes(value)) return undefined;
  return fail('usage', `${name}: invalid value "${value}"`, { hint: `valid values: ${choices.join(', ')}` })
    .failure;
}

function unexpected(word: string, path: string, { behind }: Command, hint: string): Failure {
  return fail('usage', `vlb ${path}: unexpected argument "${word}"`, {
    hint: behind === undefined ? hint : `put the command to run after --: vlb ${path} LAYER -- ${behind}`,
  }).failure;
}

/** An option as it was typed: by its name, or by its letter. */
function typed(name: string, { alias }: Option, argv: readonly string[]): string {
  const long = dashed(name);
  const isLong = argv.some((word) => word === long || word.startsWith(`${long}=`));
  return isLong || alias === undefined ? long : dashed(alias);
}
