// The texts of `vlb help` and `--help`, wrapped for the terminal.

import { FORMAT_NAMES, FORMATS, formatOptions } from '../../model/machine/format.ts';
import type { HintWord } from '../../project/hints/word.ts';
import { EVERYWHERE } from './table/shared.ts';
import { commandAt, dashed, joined, namesBelow, ROOT, usageOf } from './table/table.ts';
import type { Argument, Option } from './table/types.ts';

/** The topics of `vlb help` that are not commands. */
export const HELP_TOPICS = [
  { word: 'hints', text: 'the comments in scripts that vlb reads' },
  { word: 'formats', text: 'the formats that vlb export writes, and their options' },
] as const;

/** Also printed by the manual page. */
export const HINTS_ARE =
  'Hints are comments in the script of a layer, build-layer, boot-layer or modify-disk. The first four may also be written without "vlb:", as in older scripts. An unknown or malformed hint is an error.';

export type Hint = Pick<HintWord, 'form' | 'text'>;

/** Where the second column begins, at most. */
const SECOND = 30;

/** The help of a command; of vlb itself with the path ''. Ends with a line feed. */
export function helpText(path: string, columns: number): string {
  const command = commandAt(path) ?? ROOT;
  const { arguments: own = {}, options = {}, examples, alias } = command;
  const rows = {
    Commands: namesBelow(path).map((name) => {
      const below = joined(path, name);
      return [`vlb ${usageOf(below)}`, (commandAt(below) ?? ROOT).text] as const;
    }),
    Arguments: argumentRows(own),
    Options: optionRows(options).map(aligned),
    Everywhere: optionRows(EVERYWHERE).map(aligned),
    Examples: examples,
  };
  const widest = Math.max(...Object.values(rows).flatMap((part) => part.map(([left]) => left.length)));
  const second = Math.min(SECOND, widest + 4);
  return [
    `vlb ${usageOf(path)}`,
    '',
    ...wrapped(sentence(command.text), columns, ''),
    ...(alias === undefined ? [] : [`vlb ${alias} is the same command.`]),
    ...Object.entries(rows).flatMap(([title, part]) =>
      part.length === 0 ? [] : ['', `${title}:`, ...part.flatMap((row) => twoColumns(row, second, columns))],
    ),
    '',
  ].join('\n');
}

/** The hints: how each is written, and below that its meaning. Ends with a line feed. */
export function hintsText(hints: readonly Hint[], columns: number): string {
  return [
    ...wrapped(HINTS_ARE, columns, ''),
    '',
    ...hints.flatMap(({ form, text }) => [`  # vlb: ${form}`, ...wrapped(text, columns, '      ')]),
    '',
  ].join('\n');
}

/** The formats of exports with their options. Ends with a line feed. */
export function formatsText(columns: number): string {
  const rows = formatRows().flatMap(([format, options]) => [
    format,
    ...options.map(([name, text]): Row => [`  ${name}:`, text]),
  ]);
  const second = Math.max(...rows.map(([left]) => left.length)) + 4;
  return ['Formats:', ...rows.flatMap((row) => twoColumns(row, second, columns)), ''].join('\n');
}

/** A row for each format, with those of its options. */
export function formatRows(): readonly (readonly [format: Row, options: readonly Row[]])[] {
  return FORMAT_NAMES.map((name) => {
    const { text, for: whom } = FORMATS[name];
    const options = Object.entries(formatOptions(name)).map(([option, { text: about, choices }]): Row => {
      const [first, ...others] = choices ?? [];
      return [
        option,
        first === undefined ? about : `${about}: ${[`${first} (default)`, ...others].join(', ')}`,
      ];
    });
    return [[name, `${text}; for ${whom}`], options];
  });
}

/** `-j, --jobs N`; of an optional value `--force[=LAYER]`. */
function optionForm(name: string, { alias, value, optional }: Option): string {
  const forms = [alias, name].flatMap((form) => (form === undefined ? [] : [dashed(form)])).join(', ');
  return value === undefined ? forms : optional ? `${forms}[=${value}]` : `${forms} ${value}`;
}

export function withChoices(text: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? text : `${text}: ${choices.join(', ')}`;
}

/** With a capital and a full stop. A text that begins with a word to be typed or a value stays as it begins. */
export function sentence(text: string): string {
  const end = /[.?!:]$/.test(text) ? '' : '.';
  return `${/^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text}${end}`;
}

/** A row of help: what is typed, and its meaning. */
export type Row = readonly [left: string, right: string];

/** The rows of a command's arguments. */
export function argumentRows(own: Readonly<Record<string, Argument>>): readonly Row[] {
  return Object.entries(own).map(([name, { text, choices }]) => [name, withChoices(text, choices)]);
}

/** The rows of options, with their defaults. */
export function optionRows(options: Readonly<Record<string, Option>>): readonly Row[] {
  return Object.entries(options).map(([name, option]) => {
    const defaults = option.default === undefined ? '' : ` (default: ${option.default})`;
    return [optionForm(name, option), withChoices(option.text, option.choices) + defaults];
  });
}

/** Options without a letter begin where the names of the others do. */
function aligned([form, text]: Row): Row {
  return [form.startsWith('--') ? `    ${form}` : form, text];
}

function twoColumns([left, right]: Row, second: number, columns: number): string[] {
  const [first = '', ...more] = wrapped(right, columns, ' '.repeat(second));
  return left.length + 4 > second
    ? [`  ${left}`, first, ...more]
    : [`  ${left.padEnd(second - 2)}${first.trimStart()}`, ...more];
}

function wrapped(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
