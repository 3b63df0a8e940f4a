// From a command line that is split to a command with its values, or to what is wrong.

import { type Failure, fail, type Result } from '../../model/failure.ts';
import { helpHint, unknownCommand, unknownOption } from './errors.ts';
import { type Line, type Split, takesLine } from './split.ts';
import { type Call, commandAt, namesBelow, optionsOf, ROOT } from './table/table.ts';
import type { Option } from './table/types.ts';
import { type Given, readOptions, readValues } from './values.ts';

/** Puts the values of each option together. @param options those of the command */
export type Collect = (
  options: readonly Split[],
  table: Readonly<Record<string, Option>>,
) => Readonly<Record<string, readonly Given[]>>;

/** The command and its values; with --help, the command `help`. Fails as `usage`. */
export function readLine(
  { path, options, unknown, arguments: left, after }: Line,
  collect: Collect,
): Result<Call> {
  const table = optionsOf(commandAt(path) ?? ROOT);
  if (options.some(({ name }) => name === 'help' || name === 'version')) {
    const everywhere = options.filter(({ name }) => Object.hasOwn(optionsOf(ROOT), name));
    const topic = path === '' ? [] : path.split(' ');
    const failure = misused(everywhere, optionsOf(ROOT), path);
    if (failure) return { ok: false, failure };
    return readValues({
      path: 'help',
      options: collect(everywhere, optionsOf(ROOT)),
      arguments: topic,
      behind: [],
    });
  }
  if (unknown !== undefined) return { ok: false, failure: unknownOption(unknown, path, table) };
  const own = options.filter(({ name }) => Object.hasOwn(table, name));
  const wrong = misused(own, table, path);
  if (wrong) return { ok: false, failure: wrong };
  const given = collect(own, table);
  if (path === '' || namesBelow(path).length > 0) {
    const values = readOptions(path, given);
    return values.ok ? { ok: false, failure: unknownCommand(path, left[0]) } : values;
  }
  const foreign = options.find((option) => !own.includes(option))?.form;
  if (foreign !== undefined) return { ok: false, failure: unknownOption(foreign, path, table) };
  // As make and git do: words after `--` are arguments. No argument of vlb begins with a dash.
  const odd = takesLine(path) ? undefined : after.find((word) => word.startsWith('-'));
  if (odd !== undefined) return fail('usage', `"${odd}" is not a valid name (it begins with a dash)`);
  return readValues({ path, options: given, arguments: left, behind: takesLine(path) ? after : [] });
}

function misused(
  options: readonly Split[],
  table: Readonly<Record<string, Option>>,
  path: string,
): Failure | undefined {
  const hint = helpHint(path);
  for (const { name, form, value } of options) {
    const isFlag = table[name]?.value === undefined;
    if (isFlag && value !== true) return fail('usage', `${form} takes no value`, { hint }).failure;
    if (value === '') return fail('usage', `${form} requires a value`, { hint }).failure;
  }
  return undefined;
}

/** Without yargs, which takes as long to load as a build with nothing to do. */
export const collectPlainly: Collect = (options) => {
  const given: Record<string, Given[]> = {};
  for (const { name, form, value } of options) {
    const before = given[name] ?? [];
    before.push({ form, value });
    given[name] = before;
  }
  return given;
};
