// docs/commands.md: made by bin/docs.mjs from the table of commands.

import { EXIT_TEXTS } from '../exit-status.ts';
import { optionForm, sentence, withChoices } from './help.ts';
import { EVERYWHERE } from './table/shared.ts';
import { COMMANDS, usageOf } from './table/table.ts';
import type { Argument, Command, Option } from './table/types.ts';

type Row = readonly [left: string, right: string];

/** The whole page, in Markdown. */
export function commandsPage(): string {
  return [
    '# Commands',
    '',
    'Generated from the table in `src/cli/args/table/` by `npm run docs`: do not edit. `vlb help COMMAND` prints the same.',
    ...Object.entries<Command>(COMMANDS).flatMap(commandPart),
    '',
    '## Options of all commands',
    ...list(Object.entries<Option>(EVERYWHERE).map(optionRow)),
    '',
    '## Exit status',
    ...list(EXIT_TEXTS),
    '',
  ].join('\n');
}

function commandPart([path, command]: readonly [string, Command]): string[] {
  const { text, alias, arguments: own = {}, options = {}, examples } = command;
  const argument = ([name, { text, choices }]: readonly [string, Argument]): Row => [
    name,
    withChoices(text, choices),
  ];
  const width = Math.max(...examples.map(([line]) => line.length));
  return [
    '',
    `## vlb ${usageOf(path)}`,
    '',
    sentence(text) + (alias === undefined ? '' : ` \`vlb ${alias}\` is the same command.`),
    ...list([
      ...Object.entries<Argument>(own).map(argument),
      ...Object.entries<Option>(options).map(optionRow),
    ]),
    '',
    '```sh',
    ...examples.map(([line, meaning]) => `${line.padEnd(width)}  # ${meaning}`),
    '```',
  ];
}

function optionRow([name, option]: readonly [string, Option]): Row {
  const text = withChoices(option.text, option.choices);
  return [
    optionForm(name, option),
    option.default === undefined ? text : `${text} (default: ${option.default})`,
  ];
}

function list(rows: readonly Row[]): string[] {
  return rows.length === 0 ? [] : ['', ...rows.map(([left, right]) => `- \`${left}\`: ${right}`)];
}
