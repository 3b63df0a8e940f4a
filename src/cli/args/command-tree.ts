// What the commands are, as data: completion, help and the man page are made from what yargs is told, by telling it to a
// recorder instead.

import type { Argv } from 'yargs';

export interface OptionText {
  /** Without dashes. */
  readonly name: string;
  /** One letter. */
  readonly alias: string | undefined;
  readonly text: string;
  /** What its value is called, `LAYER`; undefined for one that takes none. */
  readonly value: string | undefined;
  /** It works without a value too; one has to be given as `--name=VALUE`. */
  readonly optional: boolean;
  readonly choices: readonly string[];
  /** It may be given again. */
  readonly list: boolean;
}

export interface ArgumentText {
  readonly name: string;
  readonly text: string;
  /** What it is, as for options; without a word of the text for it, its name in capitals. */
  readonly value: string;
  readonly choices: readonly string[];
  /** Takes all words that follow. */
  readonly rest: boolean;
}

export interface CommandText {
  readonly name: string;
  /** With its arguments, `build [layer..]`. */
  readonly usage: string;
  readonly text: string;
  readonly options: readonly OptionText[];
  readonly arguments: readonly ArgumentText[];
  /** The command line, and what it is for. */
  readonly examples: readonly (readonly [string, string])[];
  readonly commands: readonly CommandText[];
}

/** A parser is told of options, arguments and commands by this. */
export type Register = (parser: Argv) => unknown;

/** The words by which texts name values. The first of a text counts. */
const VALUE =
  /(?<![\w=:"])(?:NAME=VALUE|NAME=FILE|HOST:GUEST|LAYER|IMAGE|DISK|DIR|PATH|URL|FILE|NAME|KEY|DEVICE|SIZE|TIME|REGEXP|COMMAND|N)(?![\w=]|:[A-Z])/;

/** All commands below one, as `register` tells of them. Hidden ones are left out. */
export function commandTree(register: Register, usage = 'vlb', text = ''): CommandText {
  const options: OptionText[] = [];
  const specs = new Map<string, Spec>();
  const examples: [string, string][] = [];
  const commands: CommandText[] = [];
  const take: Readonly<Record<string, (...told: readonly unknown[]) => void>> = {
    option: (name, spec) => void options.push(optionText(String(name), spec as Spec)),
    positional: (name, spec) => void specs.set(String(name), spec as Spec),
    example: (line, meaning) => void examples.push([String(line).replace('$0', 'vlb'), String(meaning)]),
    command(words, meaning, build) {
      if (typeof meaning !== 'string') return;
      const usage = String(Array.isArray(words) ? words[0] : words);
      commands.push(commandTree(build as Register, usage, meaning)); // all of ours have one
    },
  };
  const recorder: object = new Proxy(
    {},
    {
      get:
        (_target, method) =>
        (...told: readonly unknown[]) => {
          if (Object.hasOwn(take, method)) take[String(method)]?.(...told);
          return recorder;
        },
    },
  );
  register(recorder as Argv); // it has every method
  const [name = ''] = usage.split(' ');
  return { name, usage, text, options, arguments: argumentsOf(usage, specs), examples, commands };
}

/** What is used of yargs' description of an option or argument. */
interface Spec {
  readonly alias?: string;
  readonly describe?: string;
  readonly type?: string;
  readonly choices?: readonly string[];
  readonly array?: boolean;
  readonly nargs?: number;
  readonly requiresArg?: boolean;
}

function optionText(
  name: string,
  { alias, describe = '', type, choices = [], array = false, nargs, requiresArg }: Spec,
): OptionText {
  const value =
    type === 'boolean'
      ? undefined
      : (VALUE.exec(describe)?.[0] ??
        (choices.length > 0 ? choices.join('|') : type === 'number' ? 'N' : 'VALUE'));
  const optional = value !== undefined && nargs === undefined && requiresArg !== true;
  return { name, alias, text: describe, value, optional, choices, list: array };
}

/** `<name>`, `[image]` and `[layer..]` of a usage. */
function argumentsOf(usage: string, specs: ReadonlyMap<string, Spec>): readonly ArgumentText[] {
  return [...usage.matchAll(/[[<]([\w-]+)(\.\.)?[\]>]/g)].map(([, name = '', rest]) => {
    const { describe = '', choices = [] } = specs.get(name) ?? {};
    const value = VALUE.exec(describe)?.[0] ?? name.toUpperCase();
    return { name, text: describe, value, choices, rest: rest !== undefined };
  });
}
