// Splits a command line of virt-customize(1) as its getopt_long_only(3) does, and the lines of a --commands-from-file.

/** An option of a command line. */
export interface GivenOption {
  /** Its name in the table, without dashes; undefined for a word that is not an option, or not a known one. */
  readonly name: string | undefined;
  /** As it was typed, without a value. */
  readonly form: string;
  /** '' for options without one. */
  readonly value: string;
  /** Why it cannot be read. */
  readonly fault?: string;
}

/** The options: whether each takes a value. */
export type OptionNames = ReadonlyMap<string, boolean>;

/**
 * Splits the words. Long options may have one dash, be shortened as far as they are unambiguous, and have their value behind `=`;
 * the value of a letter may be in the same word.
 */
export function splitOptions(words: readonly string[], names: OptionNames): readonly GivenOption[] {
  const given: GivenOption[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const { form, inline, name, fault } = formOf(word, names);
    if (name === undefined) {
      given.push({ name, form, value: inline ?? '', fault: fault ?? 'not an option of virt-customize' });
      continue;
    }
    if (names.get(name) !== true) {
      const unwanted = inline === undefined ? {} : { fault: 'takes no value' };
      given.push({ name: inline === undefined ? name : undefined, form, value: '', ...unwanted });
      continue;
    }
    const value = inline ?? words[++at];
    given.push(
      value === undefined
        ? { name: undefined, form, value: '', fault: 'requires a value' }
        : { name, form, value },
    );
  }
  return given;
}

function formOf(word: string, names: OptionNames) {
  const [, dashes, typed = '', inline] = /^(--?)([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
  if (dashes === undefined) return { form: word, inline: undefined, name: undefined };
  const form = `${dashes}${typed}`;
  if (names.has(typed)) return { form, inline, name: typed };
  const letter = typed.charAt(0);
  const near = [...names.keys()].filter((name) => name.startsWith(typed));
  const [first] = near;
  if (typed.length > 1 && first !== undefined) {
    return near.length === 1
      ? { form, inline, name: first }
      : { form, inline, name: undefined, fault: `ambiguous: --${near.toSorted().join(', --')}` };
  }
  if (dashes === '-' && names.get(letter) === true) {
    return { form: `-${letter}`, inline: word.slice(2), name: letter };
  }
  return { form, inline, name: undefined };
}

/** A command of a file. */
export interface FileCommand {
  /** From 1. */
  readonly line: number;
  readonly name: string;
  readonly value: string;
}

/**
 * The commands of a --commands-from-file: one a line, an option without its dashes and its value. A backslash at the end continues a
 * line; blanks at the beginning of the next one are dropped.
 */
export function splitCommands(text: string): readonly FileCommand[] {
  const commands: FileCommand[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let whole = lines[at] ?? '';
    while (whole.endsWith('\\') && at + 1 < lines.length) {
      whole = whole.slice(0, -1) + (lines[++at] ?? '').trimStart();
    }
    const [, name = '', value = ''] = /^\s*(\S+)\s*([\s\S]*)$/.exec(whole) ?? [];
    if (name !== '' && !name.startsWith('#')) commands.push({ line, name, value });
  }
  return commands;
}
