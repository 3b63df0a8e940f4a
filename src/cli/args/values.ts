// From the words of a command line to the values of its command.

import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { helpHint } from './errors.ts';
import { type Call, camelCased, commandAt, dashed, optionsOf, ROOT } from './table/table.ts';
import type { Argument, Command, Option } from './table/types.ts';

/** An option as it was typed, and its value; true for a flag, and for an optional value that is not there. */
export interface Given {
  readonly form: string;
  readonly value: string | true;
}

/** A command line taken apart. */
export interface Words {
  /** Of a command that can be run. */
  readonly path: string;
  /** What was given for each option, by its name in the table. */
  readonly options: Readonly<Record<string, readonly Given[]>>;
  readonly arguments: readonly string[];
  /** What follows `--`, for commands that take a command line there. */
  readonly behind: readonly string[];
}

/** Arguments that commands look up by name: an empty one is an unknown name. */
const NAMES = ['LAYER', 'IMAGE', 'NAME'];

/** Checks and converts all values, and puts in defaults. Fails as `usage` with the first that is not valid. */
export function readValues(words: Words): Result<Call> {
  const command = commandAt(words.path) ?? ROOT;
  const hint = helpHint(words.path);
  const options = readOptions(words.path, words.options);
  if (!options.ok) return options;
  const raw: Record<string, unknown> = { ...options.value, behind: words.behind };
  const exclusive = (command.exclusive ?? []).filter((name) => words.options[name]);
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
): Result<Readonly<Record<string, unknown>>> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(optionsOf(commandAt(path) ?? ROOT))) {
    const value = optionValue(option, given[name], helpHint(path));
    if (!value.ok) return value;
    values[camelCased(name)] = value.value;
  }
  return ok(values);
}

function optionValue(option: Option, given: readonly Given[] | undefined, hint: string): Result<unknown> {
  const last = given?.at(-1);
  if (!given || !last) return ok(option.list ? [] : option.default);
  if (option.value === undefined) return ok(true);
  const { form } = last;
  if (given.length > 1 && !option.list) return fail('usage', `${form} can be given only once`, { hint });
  const texts = given.map(({ value }) => (value === true ? '' : value));
  const [text = ''] = texts;
  const wrong = invalidChoice(form, option.choices, text);
  if (wrong) return { ok: false, failure: wrong };
  if (!option.number) return ok(option.list ? texts : text);
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(number) && number >= 1) return ok(number);
  return fail('usage', `${form} must be a number, 1 or more`, { hint });
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

function unexpected(
  word: string,
  path: string,
  { behind, arguments: own = {} }: Command,
  hint: string,
): Failure {
  const [first] = Object.values(own);
  const what = behind === 'COMMAND' ? 'the command to run' : `each ${behind}`;
  return fail('usage', `vlb ${path}: unexpected argument "${word}"`, {
    hint:
      behind === undefined ? hint : `put ${what} after --: vlb ${path} ${first?.value ?? ''} -- ${behind}`,
  }).failure;
}
