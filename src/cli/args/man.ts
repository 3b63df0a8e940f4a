// The manual page vlb(1), in man(7)'s roff: made by bin/man.mjs from the table of commands and from the hints.

import { EXIT_TEXTS } from '../exit-status.ts';
import {
  argumentRows,
  formatRows,
  HINTS_ARE,
  type Hint,
  sentence as plainSentence,
  withChoices,
} from './help.ts';
import { EVERYWHERE } from './table/shared.ts';
import { COMMANDS, dashed, ROOT, usageOf } from './table/table.ts';
import type { Command, Option } from './table/types.ts';

const FILES: readonly (readonly [string, string])[] = [
  ['layers/NN_NAME/', 'A layer: its script, build-layer, boot-layer or modify-disk, and its files.'],
  ['vlb.yaml', 'The base image, the names of images, and the limits of the store.'],
  ['.vlbignore', 'Files that are not inputs of a layer, in the syntax of gitignore(5).'],
  ['build/', 'The images. It may be deleted at any time.'],
  ['.vlb/', 'The store and the logs. It may be deleted at any time.'],
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['VLB_CACHE_DIR', 'The store, like --cache-dir.'],
  ['VLB_STATE_DIR', 'The directory of .vlb/ and build/, if not the project.'],
  ['VLB_CACHE', 'The use of the shared cache, like --cache.'],
  ['VLB_BACKEND', 'What runs layers, like --backend.'],
  ['VLB_VM_KERNEL', 'The kernel of the virtual machine of the backend vm.'],
  ['VLB_NODE', 'The node that runs vlb.'],
  ['NO_COLOR, FORCE_COLOR', 'Never or always color the output.'],
  ['CI', 'Unless empty, 0 or false, show progress as in a log.'],
  ['http_proxy, https_proxy, no_proxy', 'The proxy for downloads.'],
];

/** The whole page. `version` is that of vlb. */
export function manPage(hints: readonly Hint[], version: string): string {
  return [
    `.TH VLB 1 "" "vlb ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `vlb \\- ${roff(ROOT.text)}`,
    '.SH SYNOPSIS',
    '.B vlb',
    '.I COMMAND',
    '[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...',
    '.SH DESCRIPTION',
    roff(
      'An image is a chain of numbered layer directories, each with a script. vlb runs only the scripts whose inputs changed, and takes everything else from a content-addressed store.',
    ),
    '.SH COMMANDS',
    ...Object.entries<Command>(COMMANDS).flatMap(commandPart),
    '.SH OPTIONS OF ALL COMMANDS',
    ...Object.entries<Option>(EVERYWHERE).flatMap(optionPart),
    '.SH HINTS',
    roff(HINTS_ARE),
    ...hints.flatMap(({ form, text }) => item(`\\fB# vlb: ${roff(form)}\\fR`, text)),
    '.SH FORMATS',
    ...formatRows().flatMap(([[name, text], options]) => [
      ...item(`\\fB${roff(name)}\\fR`, text),
      ...options.flatMap(([option, about]) => ['.RS', ...item(`\\fB${roff(option)}\\fR`, about), '.RE']),
    ]),
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

function commandPart([path, command]: readonly [string, Command]): string[] {
  const { text, alias, arguments: own = {}, options = {}, examples } = command;
  return [
    `.SS ${quoted(`vlb ${usageOf(path)}`)}`,
    sentence(text),
    ...(alias === undefined ? [] : [sentence(`vlb ${alias} is the same command`)]),
    ...argumentRows(own).flatMap(([name, meaning]) => item(`\\fI${roff(name)}\\fR`, meaning)),
    ...Object.entries<Option>(options).flatMap(optionPart),
    ...examples.flatMap(([line, meaning]) => [
      '.PP',
      sentence(meaning),
      '.RS',
      `\\fB${roff(line)}\\fR`,
      '.RE',
    ]),
  ];
}

function optionPart([name, { alias, text, value, optional, choices }]: readonly [string, Option]): string[] {
  const forms = [alias, name].flatMap((form) =>
    form === undefined ? [] : [`\\fB${roff(dashed(form))}\\fR`],
  );
  const word = `\\fI${roff(value ?? '')}\\fR`;
  const named = value === undefined ? '' : optional ? `[=${word}]` : ` ${word}`;
  return item(`${forms.join(', ')}${named}`, withChoices(text, choices));
}

function item(tag: string, text: string): string[] {
  return ['.TP', tag, sentence(text)];
}

function sentence(text: string): string {
  return roff(plainSentence(text));
}

function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`;
}

/** Text with everything escaped that means something to roff, also a dot at the beginning of a line. */
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
