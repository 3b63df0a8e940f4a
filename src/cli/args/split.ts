// Splits a command line by the table of commands: into options, each with its value, and arguments. It knows all options, and so which
// words are their values, before the command is known.

import { COMMANDS, commandAt, optionNamed, optionsOf, pathBelow, ROOT } from './table/table.ts';
import type { Command, Option } from './table/types.ts';

/** An option of the command line. */
export interface Split {
  /** Its name in the table. */
  readonly name: string;
  /** As it was typed, without its value. */
  readonly form: string;
  /** True for a flag, and for an optional value that is not there. */
  readonly value: string | true;
}

export interface Line {
  /** Of the command that the arguments begin with; '' where they do not. */
  readonly path: string;
  readonly options: readonly Split[];
  /** The first option that no command has, as it was typed. */
  readonly unknown: string | undefined;
  /** What follows the command; also behind `--`, unless that is a command line of its own. */
  readonly arguments: readonly string[];
  /** What follows `--`. */
  readonly after: readonly string[];
}

/** Options may come before or behind the command, which is the first word that is not the value of an option. */
export function split(argv: readonly string[]): Line {
  const end = argv.indexOf('--');
  const before = end < 0 ? argv : argv.slice(0, end);
  const command = commandAt(commandIn(takeApart(before, ROOT).words).path);
  // Once more, since an option such as --force can have an optional value in one command, and none in another.
  const { options, unknown, words } = takeApart(before, command ?? ROOT);
  const after = end < 0 ? [] : argv.slice(end + 1);
  const all = takesLine(commandIn(words).path) ? words : [...words, ...after];
  const { path, left } = commandIn(all);
  return { path, options, unknown, arguments: left, after };
}

/** Whether what follows `--` is a command line of its own. */
export function takesLine(path: string): boolean {
  return commandAt(path)?.behind !== undefined;
}

/**
 * By the rules of POSIX and GNU: `--name=value`, `--name value`, `-j 4`, `-j4` and `-nkj4`. An optional value that is not in the same
 * word comes behind the command only.
 */
function takeApart(argv: readonly string[], command: Command) {
  const options: Split[] = [];
  const words: string[] = [];
  let unknown: string | undefined;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (!isOption(word)) {
      words.push(word);
      continue;
    }
    for (const { form, value } of word.startsWith('--') ? [longIn(word)] : lettersIn(word, command)) {
      const [name, option] = optionOf(command, form) ?? [];
      if (name === undefined || option === undefined) {
        unknown ??= form;
        break;
      }
      const next = argv[at + 1];
      if (value !== undefined || option.value === undefined)
        options.push({ name, form, value: value ?? true });
      else if (next === undefined || isOption(next) || (option.optional && words.length === 0)) {
        options.push({ name, form, value: option.optional ?? '' });
      } else {
        options.push({ name, form, value: next });
        at++;
      }
    }
  }
  return { options, unknown, words };
}

/** A dash alone is a value or an argument. */
function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

interface Form {
  readonly form: string;
  /** The value in the same word. */
  readonly value: string | undefined;
}

function longIn(word: string): Form {
  const equals = word.indexOf('=');
  if (equals < 0) return { form: word, value: undefined };
  return { form: word.slice(0, equals), value: word.slice(equals + 1) };
}

/** The letters up to the first one that takes a value; `-p=A=1` means `-pA=1`, as for other tools. */
function lettersIn(word: string, command: Command): readonly Form[] {
  const forms: Form[] = [];
  const letters = [...word.slice(1)];
  for (const [at, letter] of letters.entries()) {
    const form = `-${letter}`;
    const rest = letters.slice(at + 1).join('');
    const [, option] = optionOf(command, form) ?? [];
    if (rest !== '' && (option?.value !== undefined || rest.startsWith('='))) {
      return [...forms, { form, value: rest.replace(/^=/, '') }];
    }
    forms.push({ form, value: undefined });
  }
  return forms;
}

/** The option of that form: the command's, or another one's, which has the same kind of value, if a value has to be there. */
function optionOf(command: Command, form: string): readonly [name: string, option: Option] | undefined {
  for (const each of [command, ...Object.values<Command>(COMMANDS)]) {
    const found = optionNamed(form, optionsOf(each));
    if (found) return found;
  }
  return undefined;
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
