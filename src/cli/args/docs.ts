// docs/commands.md: made by bin/docs.mjs from the table of commands.

import { EXIT_TEXTS } from '../exit-status.ts';
import { argumentRows, optionRows, type Row, sentence } from './help.ts';
import { EVERYWHERE } from './table/shared.ts';
import { COMMANDS, usageOf } from './table/table.ts';
import type { Command } from './table/types.ts';

/** The whole page, in Markdown. */
export function commandsPage(): string {
  return [
    '# Commands',
    '',
    'Generated from the table in `src/cli/args/table/` by `npm run docs`: do not edit. `vlb help COMMAND` prints the same.',
    ...Object.entries<Command>(COMMANDS).flatMap(commandPart),
    '',
    '## Options of all commands',
    ...list(optionRows(EVERYWHERE)),
    '',
    '## Exit status',
    ...list(EXIT_TEXTS),
    '',
  ].join('\n');
}

function commandPart([path, command]: readonly [string, Command]): string[] {
  const { text, alias, arguments: own = {}, options = {}, examples } = command;
  const width = Math.max(...examples.map(([line]) => line.length));
  return [
    '',
    `## vlb ${usageOf(path)}`,
    '',
    sentence(text) + (alias === undefined ? '' : ` \`vlb ${alias}\` is the same command.`),
    ...list([...argumentRows(own), ...optionRows(options)]),
    '',
    '```sh',
    ...examples.map(([line, meaning]) => `${line.padEnd(width)}  # ${meaning}`),
    '```',
  ];
}

function list(rows: readonly Row[]): string[] {
  return rows.length === 0 ? [] : ['', ...rows.map(([left, right]) => `- \`${left}\`: ${right}`)];
}
