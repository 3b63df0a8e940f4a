// The layer's files in the shell of a step, which runs in their directory.

import { quoteWord } from '../util/quote.ts';

/** A path of the layer without a `./` at its beginning or a slash at its end. */
export function cleanPath(given: string): string {
  return given
    .replaceAll(/\/(?:\.?\/)+/g, '/')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/\.?$/, '');
}

/** A path of the layer as an argument, which no program can take for an option. */
export function fileArgument(given: string): string {
  const clean = cleanPath(given);
  return /^[-@]/.test(clean) ? `./${clean}` : clean;
}

/** The same as a word of the shell. */
export function fileWord(given: string): string {
  return quoteWord(fileArgument(given));
}

/**
 * The pattern of fast-glob for exactly this path. Brackets and braces are classes of one character: fast-glob takes a pattern in
 * which they are escaped for one of files in a directory of that name.
 */
export function exactly(given: string): string {
  return cleanPath(given)
    .replaceAll(/[\\()*?|"]|^!|[!+@](?=\()/g, '\\$&')
    .replaceAll(/[[\]{}]/g, (one) => (one === ']' ? '[\\]]' : `[${one}]`));
}

/** Whether a pattern is the path of one file, without wildcards. */
export function isPlainPath(given: string): boolean {
  return !/[\\*?[\]{}()|]|^!/.test(given);
}
