// What a word of the command line could become: a pure function of the commands and of the words so far.

import type { CommandText, OptionText } from './command-tree.ts';

/** What only the project knows, looked up where it is wanted. */
export interface Names {
  /** @param directory of -C, as it was typed */
  layers(directory: string | undefined): readonly string[];
  images(directory: string | undefined): Promise<readonly string[]>;
}

export interface Candidate {
  readonly word: string;
  readonly text: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell itself should complete besides. */
  readonly also: 'files' | 'directories' | undefined;
}

const NOTHING: Completion = { candidates: [], also: undefined };

/** These are yargs' own. */
const HELP: readonly OptionText[] = [flag('help', 'show help'), flag('version', 'show the version')];

/** Where the words before the last one have led. */
interface Place {
  readonly command: CommandText;
  /** How many arguments the command has already. */
  readonly given: readonly string[];
  /** The option whose value comes next. */
  readonly pending: OptionText | undefined;
  readonly options: readonly OptionText[];
  /** The options that were given. */
  readonly used: ReadonlySet<string>;
  /** Behind `--`, nothing is an option. */
  readonly onlyArguments: boolean;
  readonly directory: string | undefined;
}

/**
 * What the last word could become.
 * @param words those behind `vlb`, unquoted; the last is the one to complete, which may be empty
 * @param topics what `vlb help` knows besides the commands
 */
export async function complete(
  root: CommandText,
  topics: readonly Candidate[],
  words: readonly string[],
  names: Names,
): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const place = walk(root, words.slice(0, -1));
  const { command, pending, options, onlyArguments } = place;
  if (pending) return matching(current, await values(pending.value, pending.choices, place, names));
  if (current.startsWith('-') && !onlyArguments) {
    const [, name, value] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
    const option = options.find((candidate) => candidate.name === name);
    if (option && value !== undefined) {
      return matching(value, await values(option.value, option.choices, place, names));
    }
    return matching(current, optionWords(place));
  }
  if (command.name === 'help') return matching(current, helpTopics(root, topics, place.given));
  if (command.commands.length > 0 && place.given.length > 0) return NOTHING;
  if (command.commands.length > 0) return matching(current, commandWords(command));
  const argument = command.arguments[Math.min(place.given.length, command.arguments.length - 1)];
  if (!argument || (place.given.length >= command.arguments.length && !argument.rest)) return NOTHING;
  return matching(current, await values(argument.value, argument.choices, place, names));
}

function walk(root: CommandText, words: readonly string[]): Place {
  let command = root;
  let options: readonly OptionText[] = [...root.options, ...HELP];
  let pending: OptionText | undefined;
  let onlyArguments = false;
  let directory: string | undefined;
  const given: string[] = [];
  const used = new Set<string>();
  for (const word of words) {
    if (pending) {
      if (pending.name === 'C') directory = word;
      pending = undefined;
    } else if (word === '--') onlyArguments = true;
    else if (word.startsWith('-') && !onlyArguments) {
      const option = optionOf(word, options);
      if (!option) continue;
      used.add(option.name);
      if (option.value !== undefined && !hasValue(word, option)) pending = option;
      else if (option.name === 'C') directory = word.slice(2);
    } else {
      const next = given.length === 0 && command.commands.find(({ name }) => name === word);
      if (!next) given.push(word);
      else {
        command = next;
        options = [...next.options, ...options];
      }
    }
  }
  return { command, given, pending, options, used, onlyArguments, directory };
}

/** The option of a word: of `-nk`, the last letter, as it alone can want a value from the next word. */
function optionOf(word: string, options: readonly OptionText[]): OptionText | undefined {
  const long = /^--([^=]+)/.exec(word)?.[1];
  if (long !== undefined) return options.find(({ name }) => name === long);
  const letter = (wanted: string | undefined) =>
    options.find(({ name, alias }) => name === wanted || alias === wanted);
  const first = letter(word[1]);
  return first?.value === undefined ? letter(word.at(-1)) : first;
}

/** `--name=value`, and `-j4`, where more follows the letter of the option. */
function hasValue(word: string, { name, alias }: OptionText): boolean {
  if (word.startsWith('--')) return word.includes('=');
  const letter = word.at(-1);
  return word.length > 2 && letter !== name && letter !== alias;
}

async function values(
  value: string | undefined,
  choices: readonly string[],
  { given, directory }: Place,
  names: Names,
): Promise<Completion> {
  if (choices.length > 0) return { candidates: choices.map(bare), also: undefined };
  if (value === 'DIR') return { candidates: [], also: 'directories' };
  if (value === 'FILE' || value === 'DEVICE') return { candidates: [], also: 'files' };
  const file = value === 'IMAGE' || value === 'DISK';
  if (value !== 'LAYER' && !file) return NOTHING;
  const known = [...(await names.images(directory)), ...names.layers(directory)];
  return {
    candidates: known.filter((name) => !given.includes(name)).map(bare),
    also: file ? 'files' : undefined,
  };
}

function commandWords({ commands }: CommandText): Completion {
  return { candidates: commands.map(({ name, text }) => ({ word: name, text })), also: undefined };
}

function helpTopics(root: CommandText, topics: readonly Candidate[], given: readonly string[]): Completion {
  let command: CommandText | undefined = root;
  for (const word of given) command = command?.commands.find(({ name }) => name === word);
  if (!command) return NOTHING;
  const { candidates } = commandWords(command);
  return { candidates: [...candidates, ...(given.length === 0 ? topics : [])], also: undefined };
}

function optionWords({ options, used }: Place): Completion {
  const left = options.filter(({ name, list }) => list || !used.has(name));
  return {
    candidates: left.map(({ name, text }) => ({ word: name.length === 1 ? `-${name}` : `--${name}`, text })),
    also: undefined,
  };
}

/** Those that begin like the word; without any, those that do so behind their number. */
function matching(current: string, { candidates, also }: Completion): Completion {
  const found = candidates.filter(({ word }) => word.startsWith(current));
  if (found.length > 0 || current === '') return { candidates: found, also };
  const bareNames = candidates.map(({ word, text }) => ({ word: word.replace(/^\d+_/, ''), text }));
  return { candidates: bareNames.filter(({ word }) => word.startsWith(current)), also };
}

function bare(word: string): Candidate {
  return { word, text: '' };
}

function flag(name: string, text: string): OptionText {
  return { name, alias: undefined, text, value: undefined, optional: false, choices: [], list: false };
}
