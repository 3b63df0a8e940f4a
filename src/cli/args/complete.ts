// The words that the last word of a command line can become: a pure function of the table and the words before it.

import { FORMAT_NAMES } from '../../model/machine/format.ts';
import { HELP_TOPICS } from './help.ts';
import {
  commandAt,
  dashed,
  joined,
  namesBelow,
  optionNamed,
  optionsOf,
  pathBelow,
  ROOT,
} from './table/table.ts';
import type { Argument, Option } from './table/types.ts';

/** The names that only the project knows, read when they are needed. */
export interface Names {
  /** @param directory the value of -C, as it was typed */
  layers(directory: string | undefined): readonly string[];
  images(directory: string | undefined): Promise<readonly string[]>;
  machines(directory: string | undefined): Promise<readonly string[]>;
}

export interface Candidate {
  readonly word: string;
  readonly text: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell itself should complete too. */
  readonly also: 'files' | 'directories' | undefined;
}

/** What completes a value, by its name in the table. */
const COMPLETED_BY: Readonly<
  Record<
    string,
    {
      readonly layers?: true;
      readonly machines?: true;
      readonly words?: readonly string[];
      readonly also?: Completion['also'];
    }
  >
> = {
  LAYER: { layers: true },
  MACHINE: { layers: true, machines: true },
  FORMAT: { words: FORMAT_NAMES },
  TARGET: { words: ['libvirt'], also: 'files' },
  CHECK: { words: ['agent', 'running', 'port:', 'command:', 'console:'] },
  POOL: { also: 'directories' },
  IMAGE: { layers: true, also: 'files' },
  DISK: { layers: true, also: 'files' },
  DIR: { also: 'directories' },
  FILE: { also: 'files' },
  PLACE: { also: 'directories' },
  DEVICE: { also: 'files' },
};

const NOTHING: Completion = { candidates: [], also: undefined };

type Options = Readonly<Record<string, Option>>;

/** The state after the words before the last one. */
interface Place {
  readonly path: string;
  /** The arguments that the command has already. */
  readonly given: readonly string[];
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  readonly options: Options;
  /** The names of the options that were given. */
  readonly used: ReadonlySet<string>;
  /** After `--`, no word is an option. */
  readonly onlyArguments: boolean;
  readonly directory: string | undefined;
}

/**
 * The words that the last word can become.
 * @param words those after `vlb`, unquoted; the last is the one to complete, which may be empty
 */
export async function complete(words: readonly string[], names: Names): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const place = walk(words.slice(0, -1));
  const { path, given, pending, options, onlyArguments } = place;
  if (pending) return matching(current, await values(pending, place, names));
  if (current.startsWith('-') && !onlyArguments) {
    const [, name = '', value] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
    const [, option] = optionNamed(dashed(name), options) ?? [];
    if (option && value !== undefined) return matching(value, await values(option, place, names));
    return matching(current, optionWords(place));
  }
  if (path === 'help') return matching(current, helpTopics(given));
  if (namesBelow(path).length > 0) return given.length > 0 ? NOTHING : matching(current, commandWords(path));
  const own = Object.values<Argument>(commandAt(path)?.arguments ?? {});
  const argument = own[Math.min(given.length, own.length - 1)];
  if (!argument || (given.length >= own.length && !argument.rest)) return NOTHING;
  return matching(current, await values(argument, place, names));
}

function walk(words: readonly string[]): Place {
  let path = '';
  let options: Options = optionsOf(ROOT);
  let pending: Option | undefined;
  let onlyArguments = false;
  let directory: string | undefined;
  const given: string[] = [];
  const used = new Set<string>();
  for (const word of words) {
    if (pending) {
      if (pending === options['C']) directory = word;
      pending = undefined;
    } else if (word === '--') onlyArguments = true;
    else if (word.startsWith('-') && !onlyArguments) {
      const [name, option] = optionIn(options, word) ?? [];
      if (name === undefined || !option) continue;
      used.add(name);
      if (option.value !== undefined && !hasValue(word, name, option)) pending = option;
      else if (name === 'C') directory = word.slice(2);
    } else {
      const next = given.length === 0 ? pathBelow(path, word) : undefined;
      if (next === undefined) given.push(word);
      else {
        path = next;
        options = { ...commandAt(next)?.options, ...options };
      }
    }
  }
  return { path, given, pending, options, used, onlyArguments, directory };
}

/** A word's option: of `-nk`, that of the last letter, as only this one can take its value from the next word. */
function optionIn(options: Options, word: string): ReturnType<typeof optionNamed> {
  if (word.startsWith('--')) return optionNamed(word.replace(/=.*/s, ''), options);
  const first = optionNamed(word.slice(0, 2), options);
  return first?.[1].value === undefined ? optionNamed(`-${word.at(-1)}`, options) : first;
}

/** `--name=value`, and `-j4`, where more follows the letter of the option. */
function hasValue(word: string, name: string, { alias }: Option): boolean {
  if (word.startsWith('--')) return word.includes('=');
  const letter = word.at(-1);
  return word.length > 2 && letter !== name && letter !== alias;
}

async function values(
  { value = '', choices }: Pick<Option, 'value' | 'choices'>,
  { given, directory }: Place,
  names: Names,
): Promise<Completion> {
  if (choices) return { candidates: choices.map(bare), also: undefined };
  const { layers, machines, words = [], also } = COMPLETED_BY[value] ?? {};
  const known = [
    ...words,
    ...(machines ? await names.machines(directory) : []),
    ...(layers ? [...(await names.images(directory)), ...names.layers(directory)] : []),
  ];
  return { candidates: known.filter((name) => !given.includes(name)).map(bare), also };
}

function commandWords(path: string): Completion {
  const candidates = namesBelow(path).map((name) => ({
    word: name,
    text: commandAt(joined(path, name))?.text ?? '',
  }));
  return { candidates, also: undefined };
}

function helpTopics(given: readonly string[]): Completion {
  let path: string | undefined = '';
  for (const word of given) path = path === undefined ? undefined : pathBelow(path, word);
  if (path === undefined) return NOTHING;
  const { candidates } = commandWords(path);
  return { candidates: [...candidates, ...(path === '' ? HELP_TOPICS : [])], also: undefined };
}

function optionWords({ options, used }: Place): Completion {
  const left = Object.entries(options).filter(([name, { list }]) => list || !used.has(name));
  return { candidates: left.map(([name, { text }]) => ({ word: dashed(name), text })), also: undefined };
}

/** The candidates that begin like the word; without any, those that do so after their number. */
function matching(current: string, { candidates, also }: Completion): Completion {
  const found = candidates.filter(({ word }) => word.startsWith(current));
  if (found.length > 0 || current === '') return { candidates: found, also };
  const bareNames = candidates.map(({ word, text }) => ({ word: word.replace(/^\d+_/, ''), text }));
  return { candidates: bareNames.filter(({ word }) => word.startsWith(current)), also };
}

function bare(word: string): Candidate {
  return { word, text: '' };
}
