// Texts of `vlb help`, wrapped for the terminal.

/** What `vlb help` tells of besides the commands. */
export const HELP_TOPICS = [{ word: 'hints', text: 'what comments in a script may say' }] as const;

interface Hint {
  readonly form: string;
  readonly text: string;
}

/** The hints: how each is written, and below that what it means. Ends with a line feed. */
export function hintsText(hints: readonly Hint[], columns: number): string {
  return [
    ...wrapped(HINTS_ARE, columns, ''),
    '',
    ...hints.flatMap(({ form, text }) => [`  # vlb: ${form}`, ...wrapped(text, columns, '      ')]),
    '',
  ].join('\n');
}

/** Also said by the man page. */
export const HINTS_ARE =
  'Hints are comments in the script of a layer, build-layer or modify-disk. The first four may also be written without "vlb:", as older scripts have them. One that is unknown or malformed is an error.';

function wrapped(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
