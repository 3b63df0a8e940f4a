// The manual page vlb(1), in man(7)'s roff: made by bin/man.mjs from the commands as they are registered and from the hints.

import { EXIT_TEXTS } from '../exit-status.ts';
import type { ArgumentText, CommandText, OptionText } from './command-tree.ts';
import { HINTS_ARE } from './help.ts';

interface Hint {
  readonly form: string;
  readonly text: string;
}

const FILES: readonly (readonly [string, string])[] = [
  ['layers/NN_NAME/', 'A layer: its script, build-layer or modify-disk, and its files.'],
  ['vlb.yaml', 'The base image, the names of images, and the limits of the store.'],
  ['.vlbignore', 'What is no input of a layer, by the rules of gitignore(5).'],
  ['build/', 'The images. It may be deleted at any time.'],
  ['.vlb/', 'The store and the logs. It may be deleted at any time.'],
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['VLB_CACHE_DIR', 'The store, as --cache-dir.'],
  ['VLB_NODE', 'The node that runs vlb.'],
  ['NO_COLOR, FORCE_COLOR', 'No colours, or colours everywhere.'],
  ['CI', 'Unless it is empty, 0 or false, progress is shown as in a log.'],
  ['http_proxy, https_proxy, no_proxy', 'The proxy for downloads.'],
];

/** The whole page. */
export function manPage(root: CommandText, hints: readonly Hint[], version: string): string {
  return [
    `.TH VLB 1 "" "vlb ${roff(version)}" "User Commands"`,
    '.SH NAME',
    'vlb \\- build virtual-machine images from numbered layers, and only what changed',
    '.SH SYNOPSIS',
    '.B vlb',
    '.I COMMAND',
    '[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...',
    '.SH DESCRIPTION',
    roff(
      'An image is a chain of numbered layer directories, each with a script. vlb runs only the scripts whose inputs changed, and takes everything else from a store that is addressed by content.',
    ),
    '.SH COMMANDS',
    ...root.commands.flatMap((command) => commandPart(command, 'vlb')),
    '.SH OPTIONS OF ALL COMMANDS',
    ...root.options.flatMap(optionPart),
    ...item('\\fB\\-\\-version\\fR', 'show the version'),
    ...item('\\fB\\-\\-help\\fR', 'show help'),
    '.SH HINTS',
    roff(HINTS_ARE),
    ...hints.flatMap(({ form, text }) => item(`\\fB# vlb: ${roff(form)}\\fR`, text)),
    '.SH EXIT STATUS',
    ...EXIT_TEXTS.flatMap(([status, text]) => item(`\\fB${status}\\fR`, text)),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, text]) => item(`\\fB${roff(name)}\\fR`, text)),
    '.SH FILES',
    ...FILES.flatMap(([name, text]) => item(`\\fI${roff(name)}\\fR`, text)),
    '.SH SEE ALSO',
    '.BR qemu\\-img (1),',
    '.BR chroot (1)',
    '',
  ].join('\n');
}

function commandPart(command: CommandText, above: string): string[] {
  const { usage, text, commands, options, examples } = command;
  return [
    `.SS ${quoted(`${above} ${usage}`)}`,
    sentence(text),
    ...command.arguments.flatMap(argumentPart),
    ...options.flatMap(optionPart),
    ...examples.flatMap(([line, meaning]) => [
      '.PP',
      `${sentence(meaning)}`,
      '.RS',
      `\\fB${roff(line)}\\fR`,
      '.RE',
    ]),
    ...commands.flatMap((below) => commandPart(below, `${above} ${command.name}`)),
  ];
}

function argumentPart({ name, text, choices }: ArgumentText): string[] {
  return item(`\\fI${roff(name)}\\fR`, withChoices(text, choices));
}

function optionPart({ name, alias, text, value, optional, choices }: OptionText): string[] {
  const forms = [alias, name]
    .flatMap((form) => form ?? [])
    .map((form) => `\\fB${roff(form.length === 1 ? `-${form}` : `--${form}`)}\\fR`);
  const word = `\\fI${roff(choices.length > 0 ? 'WORD' : (value ?? ''))}\\fR`;
  const named = value === undefined ? '' : optional ? `[=${word}]` : ` ${word}`;
  return item(`${forms.join(', ')}${named}`, withChoices(text, choices));
}

function withChoices(text: string, choices: readonly string[]): string {
  return choices.length === 0 ? text : `${text}: ${choices.join(', ')}`;
}

function item(tag: string, text: string): string[] {
  return ['.TP', tag, sentence(text)];
}

/** With a capital and a full stop. A text that begins with a word to be typed, or one in capitals, stays as it begins. */
function sentence(text: string): string {
  const end = /[.?!:]$/.test(text) ? '' : '.';
  return roff(`${/^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text}${end}`);
}

function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`;
}

/** Text that roff takes as it is: backslashes, dashes that are to be typed, and what would be a request at a line's beginning. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/^[.]/, '\\&.');
}
