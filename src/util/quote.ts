// Words of a command line as a user can paste them into a shell, and in the scripts of exports. vlb never runs what is quoted here.

/** The word, in single quotes where a POSIX shell would take it apart. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The words of a command, each quoted where needed. */
export function quoteCommand(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/** The word as a part of what stands in double quotes. */
export function inQuotes(word: string): string {
  return word.replaceAll(/["$`\\]/g, '\\$&');
}
