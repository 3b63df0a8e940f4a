// The words of a line of a kickstart file, taken apart as Python's shlex does it: quotes, backslashes, comments.

/** The words; undefined for a quote that is not closed. */
export function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quote === "'") {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '\\' && (quote === '' || /["\\$`]/.test(line.charAt(at + 1)))) {
      word = (word ?? '') + line.charAt(++at);
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '#' && word === undefined) {
      break;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}

/** Options and other words of a command. */
export interface Arguments {
  /** By name, without the dashes; a flag has the empty text. Of one that is given twice, the last value. */
  readonly options: ReadonlyMap<string, string>;
  readonly others: readonly string[];
}

/**
 * The arguments of a command: `--name=value`, `--name value` for the names that take one, `--flag`, and words.
 * @param valued the options whose value may be the next word
 */
export function argumentsOf(words: readonly string[], valued: readonly string[]): Arguments {
  const options = new Map<string, string>();
  const others: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [, name, value] = /^--?([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(words[at] ?? '') ?? [];
    if (name === undefined) others.push(words[at] ?? '');
    else if (value === undefined && valued.includes(name)) options.set(name, words[++at] ?? '');
    else options.set(name, value ?? '');
  }
  return { options, others };
}
