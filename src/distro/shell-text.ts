// Texts as parts of a shell script that a user can read, in the build-layers that steps amount to. The scripts are for any
// POSIX shell with `set -eu`.

import { quoteWord } from '../util/quote.ts';

/** The words of a command, over several lines where one would be too long. */
export function command(words: readonly string[]): string {
  const quoted = words.map(quoteWord);
  const lines: string[] = [];
  for (const word of quoted) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 100) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join(' \\\n  ');
}

/**
 * A command that gets a text, byte for byte, on its standard input: in a here-document, unless that would add a newline.
 * @param reads the command, with redirections: `cat >/etc/motd`
 * @param text without NUL, which no shell can take
 */
export function fed(reads: string, text: string): string {
  if (!text.endsWith('\n')) return `printf %s ${quoteWord(text)} | ${reads}`;
  const lines = text.split('\n');
  let end = 'EOF';
  while (lines.includes(end)) end += '_';
  return `${reads} <<'${end}'\n${text}${end}`;
}

/** The command that writes a text to a file, byte for byte. The file is a word of the shell, quoted already. */
export function writeText(file: string, text: string, operator: '>' | '>>' = '>'): string {
  const line = text.slice(0, -1);
  if (text === '') return `: ${operator}${file}`;
  if (!text.endsWith('\n')) return `printf %s ${quoteWord(text)} ${operator}${file}`;
  if (!line.includes('\n') && line.length < 90) return `printf '%s\\n' ${quoteWord(line)} ${operator}${file}`;
  return fed(`cat ${operator}${file}`, text);
}

/** The command that ends the script with a message. */
export function stop(message: string): string {
  // The echo of some shells replaces what follows a backslash.
  const echo = message.includes('\\') ? "printf '%s\\n'" : 'echo';
  return `{ ${echo} ${quoteWord(message)} >&2; exit 1; }`;
}
